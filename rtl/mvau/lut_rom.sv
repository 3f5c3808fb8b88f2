// Constant memory in LUTs, read combinationally. Its users hold the address in a register, so the
// bits of a shallow memory end up in the LUTs that use them.
//
// For synthesis with Yosys, a module in which deep memories are already mapped to LUTs replaces
// this one; see irnet_hw/synthesise/rom_mapping.py.

module lut_rom #(
    parameter int WIDTH = 8,  // bits of a word, at least 1
    parameter int DEPTH = 2,  // words, at least 1
    parameter     FILE  = "", // the words, for $readmemh
    localparam int ADDRESS_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH)
) (
    input  logic [ADDRESS_BITS-1:0] address,  // below DEPTH
    output logic [WIDTH-1:0]        data
);

    if (WIDTH < 1) begin : check_width
        $error("lut_rom: WIDTH = %0d, must be at least 1", WIDTH);
    end
    if (DEPTH < 1) begin : check_depth
        $error("lut_rom: DEPTH = %0d, must be at least 1", DEPTH);
    end

    logic [WIDTH-1:0] words[DEPTH];
    initial $readmemh(FILE, words);
    assign data = words[address];

endmodule
