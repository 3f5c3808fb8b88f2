// First level of a popcount: in each of ROWS rows, the products of a beat's bits and the row's
// weights, and the sum of three lanes' products. The bits and weights of three lanes are the six
// inputs of the two LUTs that count them, so the products take no LUTs of their own.

module bit_products #(
    parameter int ROWS   = 1,  // at least 1
    parameter int LANES  = 3,  // at least 1
    parameter int XNOR   = 1,  // 1: a product is 1 where bit and weight are equal,
                               // 0: where both are 1
    parameter int INVERT = 0,  // 1: invert the products; 0 with XNOR
    localparam int THREES = (LANES + 2) / 3
) (
    input  logic                         clk,
    input  logic                         en,
    input  logic [LANES-1:0]             in_bits,
    input  logic [LANES-1:0][ROWS-1:0]   in_weights,
    output logic [THREES-1:0][ROWS-1:0]  ones,  // of the sums; a register behind the inputs
    output logic [THREES-1:0][ROWS-1:0]  twos
);

    if (ROWS < 1) begin : check_rows
        $error("bit_products: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("bit_products: LANES = %0d, must be at least 1", LANES);
    end
    if (XNOR != 0 && INVERT != 0) begin : check_invert
        $error("bit_products: INVERT = %0d, must be 0 with XNOR", INVERT);
    end

    // Lanes g, THREES + g and 2 * THREES + g are counted together. The products of missing lanes
    // are 0.
    localparam int WIDTH = THREES * ROWS;
    logic [3*THREES-1:0]           bits;
    logic [3*THREES-1:0][ROWS-1:0] bits_of_rows, weights;
    for (genvar i = 0; i < 3 * THREES; i++) begin : lane
        if (i < LANES) begin : present
            assign bits[i]    = in_bits[i];
            assign weights[i] = in_weights[i];
        end else begin : absent
            assign bits[i]    = 1'b1;
            assign weights[i] = {ROWS{INVERT != 0}};
        end
        assign bits_of_rows[i] = {ROWS{bits[i]}};
    end

    logic [2:0][WIDTH-1:0] product;
    logic [WIDTH-1:0]      parity;
    if (XNOR != 0) begin : compare
        // The parity is written so that it shares no XNOR with the carry: tools would give the
        // shared XNOR a LUT of its own. The bits' part is shared by all rows.
        logic [2:0][WIDTH-1:0]       weight;
        logic [THREES-1:0]           parity_of_bits;
        logic [THREES-1:0][ROWS-1:0] parity_of_rows;
        assign weight         = weights;
        assign product        = weights ~^ bits_of_rows;
        assign parity_of_bits = ~(bits[0+:THREES] ^ bits[THREES+:THREES] ^ bits[2*THREES+:THREES]);
        for (genvar g = 0; g < THREES; g++) begin : three
            assign parity_of_rows[g] = {ROWS{parity_of_bits[g]}};
        end
        assign parity = parity_of_rows ^ weight[0] ^ weight[1] ^ weight[2];
    end else begin : multiply
        assign product = (weights & bits_of_rows) ^ {3 * WIDTH{INVERT != 0}};
        assign parity  = product[0] ^ product[1] ^ product[2];
    end

    always_ff @(posedge clk) begin
        if (en) begin
            ones <= parity;
            twos <= (product[0] & product[1]) | (product[2] & (product[0] ^ product[1]));
        end
    end

endmodule
