// Batch length: how many 64-bit words a number of frames takes in memory. It multiplies by
// shifting and adding, a bit of the number a cycle, since an accelerator may take all of a
// device's multipliers; a length is known 32 cycles after its number of frames.

module batch_length #(
    parameter int ADDRESS_BITS = 32,  // of an address in bytes, 13 to 64
    parameter int FRAME_BYTES = 8     // of a frame, at least 1
) (
    input  logic                    clk,
    input  logic                    rst_n,     // synchronous, active low

    input  logic                    start,     // the number of frames changes
    input  logic [31:0]             frames,    // the new number

    output logic                    ready,     // the outputs are of the last number
    output logic [ADDRESS_BITS-3:0] words,     // words begun, at most all that have addresses
    output logic [2:0]              tail,      // bytes of the last word, 0 for all 8
    output logic                    too_long   // more bytes than have addresses
);

    if (ADDRESS_BITS < 13 || ADDRESS_BITS > 64) begin : check_address_bits
        $error("batch_length: ADDRESS_BITS = %0d, must be from 13 to 64", ADDRESS_BITS);
    end
    if (FRAME_BYTES < 1) begin : check_frame_bytes
        $error("batch_length: FRAME_BYTES = %0d, must be at least 1", FRAME_BYTES);
    end

    // A frame has fewer bytes than 2 ** 32, and half of the largest sum is below the limit.
    localparam int SUM_BITS = (ADDRESS_BITS > 32 ? ADDRESS_BITS : 32) + 2;
    typedef logic [SUM_BITS-1:0] sum_t;
    typedef logic [ADDRESS_BITS-3:0] words_t;

    logic [31:0] digits;             // of the number, those to come, the highest first
    logic [5:0]  steps;              // as many as are to come
    logic [ADDRESS_BITS-1:0] bytes;  // the length by the digits so far
    sum_t        sum;

    assign sum = sum_t'({bytes, 1'b0}) + (digits[31] ? sum_t'(FRAME_BYTES) : '0);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            steps    <= '0;
            digits   <= '0;
            bytes    <= '0;
            too_long <= 1'b0;
        end else if (start) begin
            steps    <= 6'd32;
            digits   <= frames;
            bytes    <= '0;
            too_long <= 1'b0;
        end else if (!ready) begin
            steps    <= steps - 1'b1;
            digits   <= digits << 1;
            bytes    <= sum[ADDRESS_BITS-1:0];
            too_long <= too_long || sum[SUM_BITS-1:ADDRESS_BITS] != '0;
        end
    end

    assign ready = steps == '0;
    assign tail = bytes[2:0];
    assign words = words_t'(bytes[ADDRESS_BITS-1:3]) + words_t'(tail != '0);

endmodule
