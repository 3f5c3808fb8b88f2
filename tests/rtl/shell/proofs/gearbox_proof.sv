// Every slice that enters a gearbox leaves it once, in order and unchanged, and an offered beat
// stays. The solver chooses the number of the watched slice, so this holds for any.

module gearbox_proof #(
    parameter int W = 2,
    parameter int IN = 3,
    parameter int OUT = 2,
    localparam int COUNT_BITS = $clog2(IN + 1)
) (
    input logic                  clk,
    input logic                  rst_n,
    input logic [IN*W-1:0]       in_data,
    input logic [COUNT_BITS-1:0] in_count,
    input logic                  in_valid,
    input logic                  out_ready,
    input logic [7:0]            watched
);

    logic             in_ready, out_valid;
    logic [OUT*W-1:0] out_data;

    gearbox #(.W(W), .IN(IN), .OUT(OUT)) dut (.*);

    logic [7:0]       came, left;  // slices, counted modulo their width
    logic [7:0]       watching;
    logic [W-1:0]     seen;        // the watched slice
    logic             waited;
    logic [OUT*W-1:0] offered;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            came     <= '0;
            left     <= '0;
            watching <= watched;
        end else begin
            if (in_valid && in_ready) came <= came + 8'(in_count);
            if (out_valid && out_ready) left <= left + 8'(OUT);
        end
        for (int k = 0; k < IN; k++) begin
            if (in_valid && in_ready && k < int'(in_count) && came + 8'(k) == watching)
                seen <= in_data[k*W +: W];
        end
        waited  <= rst_n && out_valid && !out_ready;
        offered <= out_data;
    end

    always_comb begin
        assume (in_count >= 1 && in_count <= COUNT_BITS'(IN));
        if (rst_n) begin
            if (waited) assert (out_valid && out_data == offered);
            assert (int'(dut.buffered.held) < IN + OUT);
            assert (came - left == 8'(dut.buffered.held));
            for (int k = 0; k < IN + OUT - 1; k++) begin
                if (k < int'(dut.buffered.held) && left + 8'(k) == watching)
                    assert (dut.buffered.slices[k] == seen);
            end
            for (int k = 0; k < OUT; k++) begin
                if (out_valid && left + 8'(k) == watching)
                    assert (out_data[k*W +: W] == seen);
            end
        end
    end

endmodule
