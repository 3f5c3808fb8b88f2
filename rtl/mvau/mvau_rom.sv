// Constant memory with one cycle of latency: block RAM, or LUTs behind an address register, so that
// a LUT can hold both a bit and the logic that uses it.

module mvau_rom #(
    parameter int WIDTH     = 8,  // bits of a word, at least 1
    parameter int DEPTH     = 2,  // words, at least 1
    parameter int BLOCK_RAM = 0,  // 1: block RAM, 0: LUTs
    parameter     FILE      = "", // the words, for $readmemh
    localparam int ADDRESS_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH)
) (
    input  logic                    clk,
    input  logic                    en,       // take the address
    input  logic [ADDRESS_BITS-1:0] address,  // below DEPTH
    output logic [WIDTH-1:0]        data      // one enabled cycle later
);

    if (WIDTH < 1) begin : check_width
        $error("mvau_rom: WIDTH = %0d, must be at least 1", WIDTH);
    end
    if (DEPTH < 1) begin : check_depth
        $error("mvau_rom: DEPTH = %0d, must be at least 1", DEPTH);
    end

    if (BLOCK_RAM != 0) begin : block
        (* rom_style = "block" *) logic [WIDTH-1:0] words[DEPTH];
        initial $readmemh(FILE, words);
        always_ff @(posedge clk) if (en) data <= words[address];
    end else begin : distributed
        // The initial value keeps Yosys from moving this register behind the memory, where it would
        // separate the LUTs of the memory from the logic that uses the bits.
        logic [ADDRESS_BITS-1:0] held;
        initial held = '0;
        always_ff @(posedge clk) if (en) held <= address;
        lut_rom #(.WIDTH(WIDTH), .DEPTH(DEPTH), .FILE(FILE)) rom (.address(held), .data);
    end

endmodule
