// A block RAM of the 7 series as UG473 describes it, for simulations of netlists: both modes, all
// widths, write enables by byte, write modes, and resets of the output latches. Output registers,
// cascades and inverted pins, which Yosys' mapping leaves unused, are not modelled.

module block_ram #(
    parameter int BYTES                  = 2048,  // of 8 bits and a parity bit
    parameter logic [BYTES*8-1:0] DATA   = '0,    // initial content
    parameter logic [BYTES-1:0]   PARITY = '0,
    parameter MODE_A = "WRITE_FIRST",  // what a port shows when it writes
    parameter MODE_B = "WRITE_FIRST",
    parameter int READ_A  = 0,  // widths in bits: 0 (not used), 1, 2, 4, or 9 for each byte
    parameter int WRITE_A = 0,
    parameter int READ_B  = 0,
    parameter int WRITE_B = 0,
    localparam int ADDRESS = $clog2(BYTES * 8)
) (
    input  logic               clk_a,
    input  logic               en_a,
    input  logic               rst_a,
    input  logic [71:0]        reset_a,   // what the latches show after a reset
    input  logic [ADDRESS-1:0] address_a, // of a bit of data
    input  logic [7:0]         write_a,   // by byte
    input  logic [71:0]        in_a,      // bytes of 9 bits, the parity bit above
    output logic [71:0]        out_a,
    input  logic               clk_b,
    input  logic               en_b,
    input  logic               rst_b,
    input  logic [71:0]        reset_b,
    input  logic [ADDRESS-1:0] address_b,
    input  logic [7:0]         write_b,
    input  logic [71:0]        in_b,
    output logic [71:0]        out_b
);

    logic [8:0] bytes[BYTES];
    initial for (int i = 0; i < BYTES; i++) bytes[i] = {PARITY[i], DATA[8*i+:8]};

    // The word of a width at an address.
    function automatic logic [71:0] word(input int width, input logic [ADDRESS-1:0] address);
        word = '0;
        if (width >= 9)
            for (int i = 0; i < width / 9; i++)
                word[9*i+:9] = bytes[int'(address) / 8 / (width / 9) * (width / 9) + i];
        else
            for (int i = 0; i < width; i++)
                word[i] = bytes[int'(address) / 8][int'(address) % 8 / width * width + i];
    endfunction

    // What a port shows after a cycle.
    function automatic logic [71:0] shown(
        input int width, input logic first, input logic [71:0] old, input logic [71:0] in,
        input logic [7:0] write
    );
        shown = old;
        if (first)
            for (int i = 0; i < width; i++) if (write[i/9]) shown[i] = in[i];
    endfunction

    always_ff @(posedge clk_a)
        if (en_a) begin
            for (int i = 0; i < WRITE_A; i++)
                if (write_a[i/9]) begin
                    if (WRITE_A >= 9)
                        bytes[int'(address_a) / 8 / (WRITE_A / 9) * (WRITE_A / 9) + i / 9][i%9]
                            <= in_a[i];
                    else
                        bytes[int'(address_a) / 8][int'(address_a) % 8 / WRITE_A * WRITE_A + i]
                            <= in_a[i];
                end
            if (rst_a) out_a <= reset_a;
            else if (WRITE_A == 0 || write_a == '0 || MODE_A != "NO_CHANGE")
                out_a <= shown(WRITE_A, MODE_A == "WRITE_FIRST" && WRITE_A == READ_A,
                               word(READ_A, address_a), in_a, write_a);
        end

    always_ff @(posedge clk_b)
        if (en_b) begin
            for (int i = 0; i < WRITE_B; i++)
                if (write_b[i/9]) begin
                    if (WRITE_B >= 9)
                        bytes[int'(address_b) / 8 / (WRITE_B / 9) * (WRITE_B / 9) + i / 9][i%9]
                            <= in_b[i];
                    else
                        bytes[int'(address_b) / 8][int'(address_b) % 8 / WRITE_B * WRITE_B + i]
                            <= in_b[i];
                end
            if (rst_b) out_b <= reset_b;
            else if (WRITE_B == 0 || write_b == '0 || MODE_B != "NO_CHANGE")
                out_b <= shown(WRITE_B, MODE_B == "WRITE_FIRST" && WRITE_B == READ_B,
                               word(READ_B, address_b), in_b, write_b);
        end

endmodule
