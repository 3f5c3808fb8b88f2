// Memory of constants in LUTs: a word is there as soon as its address is. Whoever uses a word
// holds the address in a register, so that shallow words' bits are in the LUTs that use them.
//
// Synthesis by Yosys puts a module in place of this one in which deep words are mapped to LUTs
// already, see irnet_hw/flows/lut_rom.py.

module lut_rom #(
    parameter int WIDTH = 8,  // of a word in bits, at least 1
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
