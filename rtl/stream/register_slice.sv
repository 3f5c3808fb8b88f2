// Register slice: an AXI4-Stream skid buffer. Every output, in_ready included, comes from a
// flip-flop, so it cuts both the forward and the backward path between two kernels. One beat per
// cycle, one cycle of latency; it holds up to two beats.

module register_slice #(
    parameter int W = 8  // width of a beat in bits, at least 1
) (
    input  logic         clk,
    input  logic         rst_n,      // synchronous, active low

    input  logic [W-1:0] in_data,    // beat from the producer
    input  logic         in_valid,
    output logic         in_ready,

    output logic [W-1:0] out_data,   // beat to the consumer
    output logic         out_valid,
    input  logic         out_ready
);

    if (W < 1) begin : check_w
        $error("register_slice: W = %0d, must be at least 1", W);
    end

    logic [W-1:0] skid;  // the beat taken in the cycle in which the consumer stalled

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            in_ready  <= 1'b1;
            out_valid <= 1'b0;
        end else begin
            if (!out_valid || out_ready) begin
                out_valid <= in_valid || !in_ready;
                in_ready  <= 1'b1;
            end else if (in_valid && in_ready) begin
                in_ready  <= 1'b0;
            end
        end
    end

    always_ff @(posedge clk) begin
        if (!out_valid || out_ready) out_data <= in_ready ? in_data : skid;
        if (in_ready) skid <= in_data;
    end

endmodule
