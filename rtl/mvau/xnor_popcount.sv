// Counts, in each of ROWS rows, the bits of a beat that equal the row's weights: XNOR, then
// popcount, pipelined. The bits and weights of three lanes are the six inputs of the two LUTs that
// count them, so the XNOR takes no LUTs of its own.

module xnor_popcount #(
    parameter int ROWS  = 1,  // at least 1
    parameter int LANES = 3,  // at least 1
    parameter int FLAGS = 1,  // flag bits, delayed with the data, at least 1
    localparam int BITS = $clog2(3 * ((LANES + 2) / 3) + 1)
) (
    input  logic                        clk,
    input  logic                        rst_n,      // synchronous, active low; for flags
    input  logic                        en,         // pipeline enable
    input  logic [LANES-1:0]            in_bits,
    input  logic [LANES-1:0][ROWS-1:0]  in_weights,
    input  logic [FLAGS-1:0]            in_flags,
    output logic [ROWS-1:0][BITS-1:0]   out_count,
    output logic [FLAGS-1:0]            out_flags   // in_flags, aligned with out_count
);

    if (ROWS < 1) begin : check_rows
        $error("xnor_popcount: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("xnor_popcount: LANES = %0d, must be at least 1", LANES);
    end

    // Lanes g, THREES + g and 2 * THREES + g are counted together. Missing lanes have bit 1 and
    // weights 0, which never match.
    localparam int THREES = (LANES + 2) / 3;
    localparam int WIDTH  = THREES * ROWS;
    logic [3*THREES-1:0]           bits;
    logic [3*THREES-1:0][ROWS-1:0] bits_of_rows, weights;
    for (genvar i = 0; i < 3 * THREES; i++) begin : lane
        if (i < LANES) begin : present
            assign bits[i]    = in_bits[i];
            assign weights[i] = in_weights[i];
        end else begin : absent
            assign bits[i]    = 1'b1;
            assign weights[i] = '0;
        end
        assign bits_of_rows[i] = {ROWS{bits[i]}};
    end

    logic [2:0][WIDTH-1:0] weight, equal;
    logic [THREES-1:0]           parity;
    logic [THREES-1:0][ROWS-1:0] parity_of_rows;  // the bits' part, shared by all rows
    assign weight = weights;
    assign equal  = weights ~^ bits_of_rows;
    assign parity = ~(bits[0+:THREES] ^ bits[THREES+:THREES] ^ bits[2*THREES+:THREES]);
    for (genvar g = 0; g < THREES; g++) begin : three
        assign parity_of_rows[g] = {ROWS{parity[g]}};
    end

    // The sum of three bits. The parity is written so that it shares no XNOR with the carry: tools
    // would give the shared XNOR a LUT of its own.
    logic [1:0][WIDTH-1:0] counts;  // the ones of all threes, then their twos
    logic [FLAGS-1:0]      counts_flags;
    always_ff @(posedge clk) begin
        if (en) begin
            counts[0] <= parity_of_rows ^ weight[0] ^ weight[1] ^ weight[2];
            counts[1] <= (equal[0] & equal[1]) | (equal[2] & (equal[0] ^ equal[1]));
        end
        if (!rst_n) counts_flags <= '0;
        else if (en) counts_flags <= in_flags;
    end

    popcount #(.ROWS(ROWS), .ONES(THREES), .TWOS(THREES), .FLAGS(FLAGS)) count (
        .clk, .rst_n, .en, .in_bits(counts), .in_flags(counts_flags), .out_count, .out_flags
    );

endmodule
