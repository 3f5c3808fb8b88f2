// Accumulators of a matrix-vector unit. ROWS accumulators each add a contribution in every valid
// cycle, from the first one of an output to its last, starting from that output's constant. A pass
// yields one output per row; a vector takes PASSES passes. Each vector belongs to a class, and each
// class has its own constants.

module mvau_accumulate #(
    parameter int ROWS       = 1,  // at least 1
    parameter int W          = 8,  // width of a contribution in bits, 1 to ACC_BITS
    parameter int ACC_BITS   = 8,  // width of an accumulator in bits; wraps around
    parameter int BEATS      = 2,  // contributions per output, at least 1
    parameter int PASSES     = 1,  // at least 1
    parameter int CLASSES    = 1,  // at least 1
    parameter int THRESHOLDS = 1,  // 1: output the sign bit, 0: the accumulator
    parameter int BLOCK_RAM  = 0,  // 1: the constants are in block RAM, 0: in LUTs
    parameter     INITS      = "", // the constants, for $readmemh: ROWS per word; for each class,
                                   // one word per pass, rounded up to a power of two
    localparam int OUT_BITS   = (THRESHOLDS != 0) ? 1 : ACC_BITS,
    localparam int CLASS_BITS = (CLASSES == 1) ? 1 : $clog2(CLASSES)
) (
    input  logic                           clk,
    input  logic                           rst_n,      // synchronous, active low
    input  logic                           en,         // pipeline enable
    input  logic [ROWS-1:0][W-1:0]         in_data,    // contributions, two's complement
    input  logic                           in_valid,
    input  logic                           in_first,   // of an output
    input  logic                           in_last,    // of an output
    input  logic [CLASS_BITS-1:0]          next_border,// class of the next vector; 0 for the first
    output logic                           vector_end, // this cycle ends a vector, if enabled
    output logic [ROWS-1:0][OUT_BITS-1:0]  out_data,
    output logic                           out_valid   // held until the next enabled cycle
);

    if (ROWS < 1) begin : check_rows
        $error("mvau_accumulate: ROWS = %0d, must be at least 1", ROWS);
    end
    if (W < 1 || W > ACC_BITS) begin : check_w
        $error("mvau_accumulate: W = %0d, must be 1 to ACC_BITS = %0d", W, ACC_BITS);
    end
    if (BEATS < 1) begin : check_beats
        $error("mvau_accumulate: BEATS = %0d, must be at least 1", BEATS);
    end
    if (PASSES < 1) begin : check_passes
        $error("mvau_accumulate: PASSES = %0d, must be at least 1", PASSES);
    end
    if (CLASSES < 1) begin : check_classes
        $error("mvau_accumulate: CLASSES = %0d, must be at least 1", CLASSES);
    end

    // ---------------------------------------------------------------- passes

    localparam int PASS_BITS = $clog2(PASSES);
    localparam int WORDS     = CLASSES << PASS_BITS;
    localparam int WORD_BITS = (WORDS == 1) ? 1 : $clog2(WORDS);

    logic [WORD_BITS-1:0] word, next_word;  // words of this and the next output's constants
    logic output_end;
    assign output_end = in_valid && in_last;
    if (PASSES == 1) begin : one_pass
        assign vector_end = output_end;
        assign next_word  = next_border;
    end else begin : passes
        logic [PASS_BITS-1:0] pass, next_pass;
        logic pass_end;
        assign pass       = word[PASS_BITS-1:0];
        assign pass_end   = pass == PASS_BITS'(PASSES - 1);
        assign next_pass  = pass_end ? '0 : pass + 1'b1;
        assign vector_end = output_end && pass_end;
        if (CLASSES == 1) begin : one_class
            assign next_word = next_pass;
        end else begin : classes
            assign next_word = {pass_end ? next_border : word[WORD_BITS-1:PASS_BITS], next_pass};
        end
    end

    // As in mvau_rom, the initial value keeps the constants in the LUTs that use them.
    initial word = '0;
    always_ff @(posedge clk) begin
        if (!rst_n) word <= '0;
        else if (en && output_end) word <= next_word;
    end

    // ---------------------------------------------------------------- constants

    logic [ROWS-1:0][ACC_BITS-1:0] init;
    if (BLOCK_RAM != 0) begin : block
        (* rom_style = "block" *) logic [ROWS-1:0][ACC_BITS-1:0] inits[WORDS];
        initial $readmemh(INITS, inits);
        always_ff @(posedge clk)
            if (!rst_n || (en && output_end)) init <= inits[rst_n ? next_word : '0];
    end else begin : distributed
        lut_rom #(
            .WIDTH(ROWS * ACC_BITS), .DEPTH(WORDS), .FILE(INITS)
        ) inits (.address(word), .data(init));
    end

    // ---------------------------------------------------------------- sums

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (en) out_valid <= output_end;
    end

    logic [ROWS-1:0][ACC_BITS-1:0] accumulator;
    for (genvar r = 0; r < ROWS; r++) begin : row
        always_ff @(posedge clk) begin
            if (en && in_valid)
                accumulator[r] <= ((BEATS == 1 || in_first) ? init[r] : accumulator[r])
                    + ACC_BITS'(signed'(in_data[r]));
        end
        assign out_data[r] = accumulator[r][ACC_BITS-1-:OUT_BITS];
    end

endmodule
