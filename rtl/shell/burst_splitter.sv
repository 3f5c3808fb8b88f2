// Burst splitter: splits a transfer of consecutive 64-bit words into AXI bursts of at most 16
// beats. All but the last end at a multiple of 128 bytes, so none crosses a 4 KiB boundary.

module burst_splitter #(
    parameter int ADDRESS_BITS = 32,  // of an address in bytes, 13 to 64
    parameter int TAG_BITS = 1        // of a transfer's tag, at least 1
) (
    input  logic                    clk,
    input  logic                    rst_n,             // synchronous, active low

    input  logic [ADDRESS_BITS-4:0] transfer_address,  // of its first word, in words
    input  logic [ADDRESS_BITS-3:0] transfer_words,    // at least 1
    input  logic [TAG_BITS-1:0]     transfer_tag,      // passed on with each of its bursts
    input  logic                    transfer_valid,
    output logic                    transfer_ready,

    output logic [ADDRESS_BITS-4:0] burst_address,     // of its first word, in words
    output logic [3:0]              burst_len,         // beats - 1
    output logic                    burst_last,        // the transfer's last one
    output logic [TAG_BITS-1:0]     burst_tag,
    output logic                    burst_valid,
    input  logic                    burst_ready
);

    if (ADDRESS_BITS < 13 || ADDRESS_BITS > 64) begin : check_address_bits
        $error("burst_splitter: ADDRESS_BITS = %0d, must be from 13 to 64", ADDRESS_BITS);
    end
    if (TAG_BITS < 1) begin : check_tag_bits
        $error("burst_splitter: TAG_BITS = %0d, must be at least 1", TAG_BITS);
    end

    // Memory is divided into blocks of 16 words; a burst ends with its block or its transfer. Where
    // that ends is found in a cycle of its own, and whether it ends in a block in the cycle after
    // that has become the next one: no carry chain follows another.
    typedef logic [ADDRESS_BITS-8:0] block_t;
    typedef logic [ADDRESS_BITS-3:0] words_t;

    block_t     block;   // of the next burst
    logic [3:0] first;   // its first word in the block
    words_t     left;    // words from the block's start to the transfer's end; at first, of the
                         // transfer
    logic       last;    // the transfer ends in this block
    logic       active;  // there is a next burst
    logic [1:0] age;     // cycles since the transfer came, 2 for more
    logic       step;
    logic [TAG_BITS-1:0] tag;

    assign transfer_ready = !active;
    assign step = active && age[1] && !burst_valid;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            active      <= 1'b0;
            burst_valid <= 1'b0;
        end else begin
            if (transfer_ready) active <= transfer_valid;
            else if (step && last) active <= 1'b0;
            if (step) burst_valid <= 1'b1;
            else if (burst_ready) burst_valid <= 1'b0;
        end
    end

    always_ff @(posedge clk) begin
        if (transfer_ready) age <= '0;
        else if (!age[1]) age <= age + 1'b1;
        last <= left <= words_t'(16);
        if (transfer_ready) begin
            {block, first} <= transfer_address;
            left           <= transfer_words;
            tag            <= transfer_tag;
        end else if (age == '0) begin
            left <= left + words_t'(first);
        end else if (step) begin
            block <= block + 1'b1;
            first <= '0;
            left  <= left - words_t'(16);
        end
        if (step) begin
            burst_address <= {block, first};
            burst_len     <= (last ? left[3:0] - 1'b1 : 4'd15) - first;
            burst_last    <= last;
            burst_tag     <= tag;
        end
    end

endmodule
