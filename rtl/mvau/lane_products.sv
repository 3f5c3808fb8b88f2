// Whether each lane's bit equals the weights of ROWS rows, which are constants. The bit and the
// number of the weights' word are the inputs of a LUT that holds the weights: a LUT6_2 has room for
// two rows.
//
// For synthesis with Yosys, a module that instantiates these LUTs replaces this one; see
// irnet_hw/synthesise/rom_mapping.py.

module lane_products #(
    parameter int ROWS  = 2,  // at least 1
    parameter int LANES = 2,  // at least 1
    parameter int DEPTH = 2,  // words of weights, 1 to 16
    parameter     FILE  = "", // the words, for $readmemh: bit lane * ROWS + row
    localparam int ADDRESS_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH)
) (
    input  logic [ADDRESS_BITS-1:0]    address,  // below DEPTH
    input  logic [LANES-1:0]           in_bits,
    output logic [LANES-1:0][ROWS-1:0] products
);

    if (ROWS < 1) begin : check_rows
        $error("lane_products: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("lane_products: LANES = %0d, must be at least 1", LANES);
    end
    if (DEPTH < 1 || DEPTH > 16) begin : check_depth
        $error("lane_products: DEPTH = %0d, must be 1 to 16", DEPTH);
    end

    logic [LANES-1:0][ROWS-1:0] words[DEPTH];
    logic [LANES-1:0][ROWS-1:0] bits_of_rows;
    initial $readmemh(FILE, words);
    for (genvar l = 0; l < LANES; l++) begin : lane
        assign bits_of_rows[l] = {ROWS{in_bits[l]}};
    end
    assign products = words[address] ~^ bits_of_rows;

endmodule
