// How many of three lanes' bits equal the weights of a row, which are constants, for ROWS rows. The
// bits and the number of the weights' word are the five inputs of a LUT6_2, whose outputs are the
// count.
//
// For synthesis with Yosys, a module that instantiates these LUTs replaces this one; see
// irnet_hw/synthesise/rom_mapping.py.

module three_counts #(
    parameter int ROWS  = 2,  // at least 1
    parameter int LANES = 3,  // at least 1
    parameter int DEPTH = 2,  // words of weights, 1 to 4
    parameter     FILE  = "", // the words, for $readmemh: bit lane * ROWS + row
    localparam int THREES       = (LANES + 2) / 3,
    localparam int ADDRESS_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH)
) (
    input  logic [ADDRESS_BITS-1:0]     address,  // below DEPTH
    input  logic [LANES-1:0]            in_bits,  // lanes 3g to 3g + 2 are counted together
    output logic [THREES-1:0][ROWS-1:0] ones,
    output logic [THREES-1:0][ROWS-1:0] twos
);

    if (ROWS < 1) begin : check_rows
        $error("three_counts: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("three_counts: LANES = %0d, must be at least 1", LANES);
    end
    if (DEPTH < 1 || DEPTH > 4) begin : check_depth
        $error("three_counts: DEPTH = %0d, must be 1 to 4", DEPTH);
    end

    logic [3*THREES-1:0][ROWS-1:0] products;  // those of missing lanes are 0
    lane_products #(.ROWS(ROWS), .LANES(LANES), .DEPTH(DEPTH), .FILE(FILE)) multiply (
        .address, .in_bits, .products(products[LANES-1:0])
    );
    if (LANES % 3 != 0) begin : missing
        assign products[3*THREES-1:LANES] = '0;
    end
    for (genvar g = 0; g < THREES; g++) begin : three
        logic [ROWS-1:0] a, b, c;
        assign {c, b, a} = products[3*g+:3];
        assign ones[g]   = a ^ b ^ c;
        assign twos[g]   = (a & b) | (c & (a ^ b));
    end

endmodule
