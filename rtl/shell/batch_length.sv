// Batch length: the number of 64-bit words that a batch of frames occupies in memory. It multiplies
// by shift and add, one bit per cycle, because the accelerator may need all of the device's
// multipliers. A length is known 33 cycles after its number of frames.

module batch_length #(
    parameter int ADDRESS_BITS = 32,  // of an address in bytes, 13 to 64
    parameter int FRAME_BYTES = 8     // of a frame, at least 1
) (
    input  logic                    clk,
    input  logic                    rst_n,     // synchronous, active low

    input  logic                    start,     // the number of frames changes
    input  logic [31:0]             frames,    // the new number

    output logic                    ready,     // the outputs are for the last number
    output logic [ADDRESS_BITS-3:0] words,     // words, the last one possibly partial
    output logic [2:0]              tail,      // bytes of the last word, 0 for all 8
    output logic                    too_long   // more bytes than there are addresses
);

    if (ADDRESS_BITS < 13 || ADDRESS_BITS > 64) begin : check_address_bits
        $error("batch_length: ADDRESS_BITS = %0d, must be from 13 to 64", ADDRESS_BITS);
    end
    if (FRAME_BYTES < 1) begin : check_frame_bytes
        $error("batch_length: FRAME_BYTES = %0d, must be at least 1", FRAME_BYTES);
    end

    // A frame has fewer than 2 ** 32 bytes; bytes is below 2 ** ADDRESS_BITS and is doubled.
    localparam int SUM_BITS = (ADDRESS_BITS > 32 ? ADDRESS_BITS : 32) + 2;
    typedef logic [SUM_BITS-1:0] sum_t;
    typedef logic [ADDRESS_BITS-3:0] words_t;

    logic [31:0] digits;             // bits of the number still to come, highest first
    logic [4:0]  steps;              // how many come after the next one
    logic        running;            // there is a next one
    logic [ADDRESS_BITS-1:0] bytes;  // the length for the digits so far
    sum_t        sum;
    logic [SUM_BITS-1:ADDRESS_BITS] over;  // the last sum's bits above those

    assign sum = sum_t'({bytes, 1'b0}) + (digits[31] ? sum_t'(FRAME_BYTES) : '0);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            running <= 1'b0;
            ready   <= 1'b1;
            bytes   <= '0;
            over    <= '0;
        end else if (start) begin
            running <= 1'b1;
            ready   <= 1'b0;
            bytes   <= '0;
            over    <= '0;
        end else begin
            if (running) running <= steps != '0;
            ready <= !running;
            if (running) {over, bytes} <= sum;
        end
    end

    always_ff @(posedge clk) begin
        if (start) begin
            digits <= frames;
            steps  <= 5'd31;
        end else if (running) begin
            digits <= digits << 1;
            steps  <= steps - 1'b1;
        end
    end

    always_ff @(posedge clk) begin
        if (!rst_n || start) too_long <= 1'b0;
        else too_long <= too_long || over != '0;
        words <= words_t'(bytes[ADDRESS_BITS-1:3]) + words_t'(bytes[2:0] != '0);
        tail  <= bytes[2:0];
    end

endmodule
