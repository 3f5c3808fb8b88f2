// LUT-RAM with one address: a word can be read and overwritten in the same cycle.
//
// It consists of banks of 256 words, the deepest memory of this kind that a device has in one
// piece: for UltraScale+, Yosys fails on deeper ones.

module one_port_ram #(
    parameter int WIDTH = 8,  // bits of a word, at least 1
    parameter int DEPTH = 2,  // words, at least 2
    localparam int ADDRESS_BITS = $clog2(DEPTH)
) (
    input  logic                    clk,
    input  logic [ADDRESS_BITS-1:0] address,  // below DEPTH
    output logic [WIDTH-1:0]        held,     // the word at the address
    input  logic                    write,    // overwrite it
    input  logic [WIDTH-1:0]        data      // with this
);

    if (WIDTH < 1) begin : check_width
        $error("one_port_ram: WIDTH = %0d, must be at least 1", WIDTH);
    end
    if (DEPTH < 2) begin : check_depth
        $error("one_port_ram: DEPTH = %0d, must be at least 2", DEPTH);
    end

    localparam int BANKS     = (DEPTH + 255) / 256;
    localparam int BANK      = (DEPTH < 256) ? DEPTH : 256;
    localparam int WORD_BITS = $clog2(BANK);

    logic [BANKS-1:0][WIDTH-1:0] banks;
    for (genvar k = 0; k < BANKS; k++) begin : bank
        (* ram_style = "distributed" *) logic [WIDTH-1:0] words[BANK];
        logic here;
        assign here     = int'(address) / 256 == k;
        assign banks[k] = words[address[WORD_BITS-1:0]];
        always_ff @(posedge clk) if (write && here) words[address[WORD_BITS-1:0]] <= data;
    end

    if (BANKS == 1) begin : whole
        assign held = banks;
    end else begin : selected
        assign held = banks[address[ADDRESS_BITS-1:WORD_BITS]];
    end

endmodule
