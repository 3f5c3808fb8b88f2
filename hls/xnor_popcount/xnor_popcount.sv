// How many of a beat's bits equal the weights, for each of ROWS rows, pipelined: XNOR, then
// popcount. Three lanes' bits and weights are the six inputs of the two LUTs that count them, so
// that the XNOR takes no LUT of its own.

module xnor_popcount #(
    parameter int ROWS  = 1,  // at least 1
    parameter int LANES = 3,  // at least 1
    parameter int SETS  = 1,  // of rows, equally large, with their own bits and in_fixed each
    parameter int SHIFT = 0,  // zeros below a count, as if each bit counted 2 ** SHIFT
    parameter int FIXED = 0,  // the result where in_fixed is set
    parameter int FLAGS = 1,  // bits that travel along, at least 1
    localparam int BITS = $clog2(3 * ((LANES + 2) / 3) + 1)
) (
    input  logic                        clk,
    input  logic                        rst_n,       // synchronous, active low; for the flags
    input  logic                        en,          // the pipeline moves
    input  logic [LANES-1:0][SETS-1:0]  in_bits,
    input  logic [LANES-1:0][ROWS-1:0]  in_weights,
    input  logic [SETS-1:0]             in_fixed,    // FIXED instead of the set's counts
    input  logic [FLAGS-1:0]            in_flags,
    output logic [ROWS-1:0][BITS+SHIFT-1:0] out_count,
    output logic [FLAGS-1:0]            out_flags    // in_flags, as late as out_count
);

    if (ROWS < 1) begin : check_rows
        $error("xnor_popcount: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("xnor_popcount: LANES = %0d, must be at least 1", LANES);
    end

    if (SETS < 1 || ROWS % SETS != 0) begin : check_sets
        $error("xnor_popcount: SETS = %0d, must divide ROWS = %0d", SETS, ROWS);
    end

    localparam int GROUPS = (LANES + 2) / 3;
    localparam int ROWS_OF_SET = ROWS / SETS;

    logic [2*GROUPS-1:0][ROWS-1:0] counts;  // each group's ones, then each group's twos
    for (genvar g = 0; g < GROUPS; g++) begin : group
        logic [2:0][ROWS-1:0] equal;           // bit and weight; 0 for a lane that is absent
        logic [2:0][ROWS-1:0] parity_weights;  // likewise 0
        logic [ROWS-1:0]      parity_bits;     // of the lanes present; a set's rows share it
        for (genvar s = 0; s < SETS; s++) begin : set
            logic [2:0] bits;
            for (genvar j = 0; j < 3; j++) begin : lane
                if (3 * g + j < LANES) begin : present
                    assign bits[j] = in_bits[3*g+j][s];
                    assign parity_weights[j][s*ROWS_OF_SET+:ROWS_OF_SET] =
                        in_weights[3*g+j][s*ROWS_OF_SET+:ROWS_OF_SET];
                    assign equal[j][s*ROWS_OF_SET+:ROWS_OF_SET] =
                        in_weights[3*g+j][s*ROWS_OF_SET+:ROWS_OF_SET] ~^ {ROWS_OF_SET{bits[j]}};
                end else begin : absent
                    assign bits[j] = 1'b1;
                    assign parity_weights[j][s*ROWS_OF_SET+:ROWS_OF_SET] = '0;
                    assign equal[j][s*ROWS_OF_SET+:ROWS_OF_SET] = '0;
                end
            end
            assign parity_bits[s*ROWS_OF_SET+:ROWS_OF_SET] = {ROWS_OF_SET{~^bits}};
        end
        // The sum of three bits. Its parity is written so that it shares no XNOR with the carry:
        // what two results share, tools give a LUT of its own.
        always_ff @(posedge clk) begin
            if (en) begin
                counts[g] <= parity_bits ^ parity_weights[0] ^ parity_weights[1]
                    ^ parity_weights[2];
                counts[GROUPS+g] <= (equal[0] & equal[1]) | (equal[2] & (equal[0] ^ equal[1]));
            end
        end
    end

    logic [SETS-1:0]  counts_fixed;
    logic [FLAGS-1:0] counts_flags;
    always_ff @(posedge clk) begin
        if (en) counts_fixed <= in_fixed;
        if (!rst_n) counts_flags <= '0;
        else if (en) counts_flags <= in_flags;
    end

    popcount #(
        .ROWS(ROWS), .ONES(GROUPS), .TWOS(GROUPS), .SETS(SETS), .SHIFT(SHIFT), .FIXED(FIXED),
        .FLAGS(FLAGS)
    ) count (
        .clk, .rst_n, .en, .in_bits(counts), .in_fixed(counts_fixed), .in_flags(counts_flags),
        .out_count, .out_flags
    );

endmodule
