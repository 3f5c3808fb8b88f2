// Constants in one block RAM of 18 Kbit: each of its two ports reads from a half of its own.

module two_port_rom #(
    parameter FILE = ""  // for $readmemh: 512 words for each port
) (
    input  logic             clk,
    input  logic             en,       // take the addresses
    input  logic [1:0][8:0]  address,
    output logic [1:0][17:0] data      // one enabled cycle later
);

    (* rom_style = "block" *) logic [17:0] words[1024];
    initial $readmemh(FILE, words);
    for (genvar p = 0; p < 2; p++) begin : half
        always_ff @(posedge clk) if (en) data[p] <= words[{1'(p), address[p]}];
    end

endmodule
