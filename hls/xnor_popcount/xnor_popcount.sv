// How many of a beat's bits equal the weights, for each of ROWS rows, pipelined: XNOR, then
// popcount. Three lanes' bits and weights are the six inputs of the two LUTs that count them, so
// that the XNOR takes no LUT of its own.

module xnor_popcount #(
    parameter int ROWS  = 1,  // at least 1
    parameter int LANES = 3,  // at least 1
    parameter int FIXED = 0,  // the result where in_fixed is set
    parameter int FLAGS = 1,  // bits that travel along, at least 1
    localparam int BITS = $clog2(3 * ((LANES + 2) / 3) + 1)
) (
    input  logic                        clk,
    input  logic                        rst_n,       // synchronous, active low; for the flags
    input  logic                        en,          // the pipeline moves
    input  logic [LANES-1:0]            in_bits,
    input  logic [LANES-1:0][ROWS-1:0]  in_weights,
    input  logic                        in_fixed,    // FIXED instead of the count
    input  logic [FLAGS-1:0]            in_flags,
    output logic [ROWS-1:0][BITS-1:0]   out_count,
    output logic [FLAGS-1:0]            out_flags    // in_flags, as late as out_count
);

    if (ROWS < 1) begin : check_rows
        $error("xnor_popcount: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("xnor_popcount: LANES = %0d, must be at least 1", LANES);
    end

    localparam int GROUPS = (LANES + 2) / 3;

    logic [2*GROUPS-1:0][ROWS-1:0] counts;  // each group's ones, then each group's twos
    for (genvar g = 0; g < GROUPS; g++) begin : group
        logic [2:0][ROWS-1:0] equal;
        for (genvar j = 0; j < 3; j++) begin : lane
            if (3 * g + j < LANES) begin : present
                assign equal[j] = in_weights[3*g+j] ~^ {ROWS{in_bits[3*g+j]}};
            end else begin : absent
                assign equal[j] = '0;
            end
        end
        assign counts[g]        = equal[0] ^ equal[1] ^ equal[2];
        assign counts[GROUPS+g] = (equal[0] & equal[1]) | (equal[2] & (equal[0] ^ equal[1]));
    end

    popcount #(
        .ROWS(ROWS), .ONES(GROUPS), .TWOS(GROUPS), .FIXED(FIXED), .FLAGS(FLAGS)
    ) count (
        .clk, .rst_n, .en, .in_bits(counts), .in_fixed, .in_flags, .out_count, .out_flags
    );

endmodule
