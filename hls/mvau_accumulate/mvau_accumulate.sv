// Accumulators of a matrix-vector unit: ROWS of them add a contribution in each valid cycle,
// from the first of an output to its last, starting from a constant of that output. A pass gives
// an output for each row; after PASSES the constants start again.

module mvau_accumulate #(
    parameter int ROWS       = 1,  // at least 1
    parameter int W          = 8,  // width of a contribution in bits, 1 to ACC_BITS
    parameter int ACC_BITS   = 8,  // width of an accumulator in bits; wraps round
    parameter int PASSES     = 1,  // at least 1
    parameter int THRESHOLDS = 1,  // 1: the sign bit leaves, 0: the accumulator
    parameter     INITS      = "", // the constants, for $readmemh: ROWS of them a word, one a pass
    localparam int OUT_BITS  = (THRESHOLDS != 0) ? 1 : ACC_BITS
) (
    input  logic                           clk,
    input  logic                           rst_n,     // synchronous, active low
    input  logic                           en,        // the pipeline moves
    input  logic [ROWS-1:0][W-1:0]         in_data,   // contributions, two's complement
    input  logic                           in_valid,
    input  logic                           in_first,  // of an output
    input  logic                           in_last,   // of an output
    output logic [ROWS-1:0][OUT_BITS-1:0]  out_data,
    output logic                           out_valid  // until the next enabled cycle
);

    if (ROWS < 1) begin : check_rows
        $error("mvau_accumulate: ROWS = %0d, must be at least 1", ROWS);
    end
    if (W < 1 || W > ACC_BITS) begin : check_w
        $error("mvau_accumulate: W = %0d, must be 1 to ACC_BITS = %0d", W, ACC_BITS);
    end
    if (PASSES < 1) begin : check_passes
        $error("mvau_accumulate: PASSES = %0d, must be at least 1", PASSES);
    end

    localparam int PASS_BITS = (PASSES == 1) ? 1 : $clog2(PASSES);

    logic [ROWS-1:0][ACC_BITS-1:0] inits[PASSES];
    initial $readmemh(INITS, inits);

    // As in mvau_rom, the initial value keeps the constants in the LUTs that use them.
    logic [PASS_BITS-1:0] pass;
    initial pass = '0;
    logic [ROWS-1:0][ACC_BITS-1:0] init;
    logic [ROWS-1:0][ACC_BITS-1:0] accumulator;
    assign init = inits[pass];

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            pass      <= '0;
            out_valid <= 1'b0;
        end else if (en) begin
            out_valid <= in_valid && in_last;
            if (in_valid && in_last) pass <= (pass == PASS_BITS'(PASSES - 1)) ? '0 : pass + 1'b1;
        end
    end

    for (genvar r = 0; r < ROWS; r++) begin : row
        always_ff @(posedge clk) begin
            if (en && in_valid)
                accumulator[r] <= (in_first ? init[r] : accumulator[r])
                    + ACC_BITS'(signed'(in_data[r]));
        end
        assign out_data[r] = accumulator[r][ACC_BITS-1-:OUT_BITS];
    end

endmodule
