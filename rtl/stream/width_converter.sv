// Width converter: regroups beats of IN slices into beats of OUT slices, in the same order. A slice
// is the largest group of elements that divides both beats. Whatever the ratio, the side with more
// beats moves one every cycle. Equal widths are just wires; otherwise there is one cycle of
// latency.

module width_converter #(
    parameter int W = 8,    // width of a slice in bits
    parameter int IN = 1,   // slices of an input beat
    parameter int OUT = 2   // slices of an output beat; coprime to IN
) (
    input  logic             clk,
    input  logic             rst_n,      // synchronous, active low

    input  logic [IN*W-1:0]  in_data,    // first slice in the least significant bits
    input  logic             in_valid,
    output logic             in_ready,

    output logic [OUT*W-1:0] out_data,   // likewise
    output logic             out_valid,
    input  logic             out_ready
);

    if (W < 1) begin : check_w
        $error("width_converter: W = %0d, must be at least 1", W);
    end
    if (IN < 1 || OUT < 1) begin : check_slices
        $error("width_converter: IN = %0d, OUT = %0d, must be at least 1", IN, OUT);
    end

    if (IN == OUT) begin : wires

        logic unused;
        assign unused = ^{clk, rst_n};

        assign in_ready = out_ready;
        assign out_valid = in_valid;
        assign out_data = in_data;

    end else begin : buffered

        localparam int COUNT_BITS = $clog2(IN + 1);

        gearbox #(
            .W   (W),
            .IN  (IN),
            .OUT (OUT)
        ) regrouping (
            .clk       (clk),
            .rst_n     (rst_n),
            .in_data   (in_data),
            .in_count  (COUNT_BITS'(IN)),
            .in_valid  (in_valid),
            .in_ready  (in_ready),
            .out_data  (out_data),
            .out_valid (out_valid),
            .out_ready (out_ready)
        );

    end

endmodule
