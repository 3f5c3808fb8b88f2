// The bursts of a transfer cover its words, each once and in order, and each burst is within 128
// bytes; an offered burst stays. The solver chooses the transfer, so this holds for any.

module burst_splitter_proof #(
    parameter int ADDRESS_BITS = 13,
    localparam int SPACE = 1 << (ADDRESS_BITS - 3)  // words
) (
    input logic                    clk,
    input logic                    rst_n,
    input logic [ADDRESS_BITS-4:0] transfer_address,
    input logic [ADDRESS_BITS-3:0] transfer_words,
    input logic                    transfer_tag,
    input logic                    transfer_valid,
    input logic                    burst_ready,
    input logic                    choose            // the next transfer is the chosen one
);

    logic                    transfer_ready, burst_last, burst_tag, burst_valid;
    logic [ADDRESS_BITS-4:0] burst_address;
    logic [3:0]              burst_len;

    burst_splitter #(.ADDRESS_BITS(ADDRESS_BITS)) dut (.*);

    logic chosen;            // the transfer is the chosen one, and words of it are left
    logic behind;            // and a burst of the previous one is offered
    logic tag;
    logic [31:0] next, left; // its remaining words
    logic [31:0] beats, address;

    assign address = 32'({dut.block, dut.first});
    assign beats = 32'(burst_len) + 1;

    logic waited;
    logic [ADDRESS_BITS+2:0] offered;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            chosen <= 1'b0;
            behind <= 1'b0;
        end else begin
            if (burst_valid && burst_ready) behind <= 1'b0;
            if (transfer_valid && transfer_ready && choose && !chosen) begin
                chosen <= 1'b1;
                behind <= burst_valid && !burst_ready;
                next   <= 32'(transfer_address);
                left   <= 32'(transfer_words);
                tag    <= transfer_tag;
            end else if (chosen && !behind && burst_valid && burst_ready) begin
                next   <= next + beats;
                left   <= left - beats;
                chosen <= left != beats;
            end
        end
        waited  <= rst_n && burst_valid && !burst_ready;
        offered <= {burst_address, burst_len, burst_last, burst_tag};
    end

    always_comb begin
        assume (transfer_words >= 1);
        assume (32'(transfer_address) + 32'(transfer_words) <= SPACE);
        if (rst_n) begin
            if (waited) begin
                assert (burst_valid);
                assert ({burst_address, burst_len, burst_last, burst_tag} == offered);
            end
            if (dut.active) begin
                assert (dut.age <= 2'd2 && 32'(dut.left) <= SPACE + 15);
                if (dut.age == '0) assert (dut.left != '0 && 32'(dut.left) <= SPACE);
                else assert (dut.left > 32'(dut.first));
                // It is a cycle late after a burst.
                if (dut.age == 2'd2 && (waited || !burst_valid))
                    assert (dut.last == (dut.left <= 16));
            end
            if (burst_valid) assert (32'(burst_address[3:0]) + beats <= 16);
            if (chosen) begin
                assert (left >= 1 && next + left <= SPACE);
                if (burst_valid && !behind) begin
                    assert (32'(burst_address) == next && beats <= left && burst_tag == tag);
                    assert (burst_last == (beats == left));
                    if (!burst_last) begin
                        assert (dut.active && dut.age == 2'd2 && dut.tag == tag);
                        assert (address == next + beats && dut.first == '0);
                        assert (32'(dut.left) == left - beats);
                    end
                end else begin
                    assert (dut.active && dut.tag == tag && address == next);
                    assert (32'(dut.left) == left + (dut.age == '0 ? 0 : 32'(dut.first)));
                end
                if (behind) assert (burst_valid);
            end
        end
    end

endmodule
