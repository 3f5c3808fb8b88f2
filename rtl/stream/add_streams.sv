// Stream adder: y = (a << SHIFT_A) + (b << SHIFT_B), element by element. One beat of each input per
// cycle; one cycle of latency.
//
// A beat of one input waits for that of the other: in0_ready depends on in1_valid and out_ready,
// in1_ready on in0_valid and out_ready.

module add_streams #(
    parameter int PE       = 1,  // elements of a beat
    parameter int A_BITS   = 8,  // of a
    parameter int A_KIND   = 0,  // of element_value
    parameter int SHIFT_A  = 0,  // at least 0
    parameter int B_BITS   = 8,  // of b
    parameter int B_KIND   = 0,
    parameter int SHIFT_B  = 0,
    parameter int OUT_BITS = 9   // of y, enough for any a and b
) (
    input  logic                        clk,
    input  logic                        rst_n,      // synchronous, active low

    input  logic [PE-1:0][A_BITS-1:0]   in0_data,   // a
    input  logic                        in0_valid,
    output logic                        in0_ready,

    input  logic [PE-1:0][B_BITS-1:0]   in1_data,   // b
    input  logic                        in1_valid,
    output logic                        in1_ready,

    output logic [PE-1:0][OUT_BITS-1:0] out_data,   // y
    output logic                        out_valid,
    input  logic                        out_ready
);

    if (PE < 1) begin : check_pe
        $error("add_streams: PE = %0d, must be at least 1", PE);
    end
    if (SHIFT_A < 0 || SHIFT_B < 0) begin : check_shifts
        $error("add_streams: SHIFT_A = %0d, SHIFT_B = %0d, must be at least 0", SHIFT_A, SHIFT_B);
    end

    logic room;
    assign room      = !out_valid || out_ready;
    assign in0_ready = room && in1_valid;
    assign in1_ready = room && in0_valid;

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (room) out_valid <= in0_valid && in1_valid;
    end

    for (genvar r = 0; r < PE; r++) begin : lane
        logic [OUT_BITS-1:0] a, b;
        element_value #(.BITS(A_BITS), .KIND(A_KIND), .WIDTH(OUT_BITS)) first (
            .element(in0_data[r]), .value(a)
        );
        element_value #(.BITS(B_BITS), .KIND(B_KIND), .WIDTH(OUT_BITS)) second (
            .element(in1_data[r]), .value(b)
        );
        always_ff @(posedge clk) if (room) out_data[r] <= (a << SHIFT_A) + (b << SHIFT_B);
    end

endmodule
