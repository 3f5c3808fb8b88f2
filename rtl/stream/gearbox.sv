// Gearbox: regroups input beats of up to IN slices (in_count says how many) into output beats of
// OUT slices, in the same order. The side with more beats moves one every cycle. One slice to one
// slice is just wires; otherwise there is one cycle of latency.

module gearbox #(
    parameter int W = 8,    // width of a slice in bits, at least 1
    parameter int IN = 8,   // most slices of an input beat
    parameter int OUT = 3,  // slices of an output beat
    localparam int COUNT_BITS = $clog2(IN + 1)
) (
    input  logic                  clk,
    input  logic                  rst_n,      // synchronous, active low

    input  logic [IN*W-1:0]       in_data,    // first slice in the least significant bits
    input  logic [COUNT_BITS-1:0] in_count,   // valid slices, 1 to IN
    input  logic                  in_valid,
    output logic                  in_ready,

    output logic [OUT*W-1:0]      out_data,   // first slice in the least significant bits
    output logic                  out_valid,
    input  logic                  out_ready
);

    if (W < 1) begin : check_w
        $error("gearbox: W = %0d, must be at least 1", W);
    end
    if (IN < 1 || OUT < 1) begin : check_slices
        $error("gearbox: IN = %0d, OUT = %0d, must be at least 1", IN, OUT);
    end

    if (IN == 1 && OUT == 1) begin : wires

        logic unused;
        assign unused = ^{clk, rst_n, in_count};

        assign in_ready = out_ready;
        assign out_valid = in_valid;
        assign out_data = in_data;

    end else begin : buffered

        // Just large enough to take a beat whenever less than an output beat is left.
        localparam int SLICES = IN + OUT - 1;
        localparam int HELD_BITS = $clog2(SLICES + 1);
        typedef logic [HELD_BITS-1:0] held_t;

        held_t held;        // slices in the buffer, the oldest at the bottom
        held_t left;        // slices that stay after this cycle's output
        logic  push, pop;
        logic [W-1:0] slices [0:SLICES-1];

        assign out_valid = held >= held_t'(OUT);
        assign pop = out_valid && out_ready;
        assign left = pop ? held - held_t'(OUT) : held;
        assign in_ready = left < held_t'(OUT);
        assign push = in_valid && in_ready;

        always_ff @(posedge clk) begin
            if (!rst_n) held <= '0;
            else held <= push ? left + held_t'(in_count) : left;
        end

        for (genvar i = 0; i < SLICES; i++) begin : gen_slice
            // Slices move down when a beat leaves. Incoming slice k lands here if i - k slices
            // stay.
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
