// Width converter: beats of IN slices in, beats of OUT slices out, in the same order. A slice is
// the largest group of elements that divides both beats. Whatever the ratio, the side with more
// beats moves one in every cycle. Equal widths are wires; else one cycle of latency.

module width_converter #(
    parameter int W = 8,    // width of a slice in bits
    parameter int IN = 1,   // slices of an input beat
    parameter int OUT = 2   // slices of an output beat; no common divisor with IN
) (
    input  logic             clk,
    input  logic             rst_n,      // synchronous, active low

    input  logic [IN*W-1:0]  in_data,    // the first slice in the least significant bits
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

        // Just large enough for a beat to go in whenever what is left is no whole beat out.
        localparam int SLICES = IN + OUT - 1;
        localparam int HELD_BITS = $clog2(SLICES + 1);
        typedef logic [HELD_BITS-1:0] held_t;

        held_t held;        // slices in the buffer, the oldest one at the bottom
        held_t left;        // those that stay when a beat goes out now
        logic  push, pop;
        logic [W-1:0] slices [0:SLICES-1];

        assign out_valid = held >= held_t'(OUT);
        assign pop = out_valid && out_ready;
        assign left = pop ? held - held_t'(OUT) : held;
        assign in_ready = left < held_t'(OUT);
        assign push = in_valid && in_ready;

        always_ff @(posedge clk) begin
            if (!rst_n) held <= '0;
            else held <= push ? left + held_t'(IN) : left;
        end

        for (genvar i = 0; i < SLICES; i++) begin : gen_slice
            // The slice moves down when a beat goes out; one of those coming in lands here if
            // as many stay as are then below it.
            always_ff @(posedge clk) begin
                if (pop && i + OUT < SLICES) slices[i] <= slices[(i + OUT) % SLICES];
                for (int k = 0; k < IN; k++) begin
                    if (push && k <= i && i - k < OUT && left == held_t'(i - k))
                        slices[i] <= in_data[k*W +: W];
                end
            end

            if (i < OUT) begin : gen_out
                assign out_data[i*W +: W] = slices[i];
            end
        end

    end

endmodule
