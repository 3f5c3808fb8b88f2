// Stream fork: each output carries the input unchanged, or the signs of its elements (1: at least
// 0). One beat per cycle while all outputs are ready; one cycle of latency.
//
// A beat stays until every output has taken it. Each output's valid is a flip-flop, so it does not
// depend on another output's ready; in_ready depends on the ready of all outputs.

module stream_fork #(
    parameter int LANES   = 1,  // elements of a beat
    parameter int BITS    = 8,  // of an element, two's complement
    parameter int OUTPUTS = 2,  // at least 1
    parameter logic [OUTPUTS-1:0] SIGNS = 2'b10,  // 1: this output carries signs
    localparam int VALUE_BITS = LANES * BITS,
    localparam int OUT_BITS = OUTPUTS * VALUE_BITS - $countones(SIGNS) * (VALUE_BITS - LANES)
) (
    input  logic                  clk,
    input  logic                  rst_n,      // synchronous, active low

    input  logic [VALUE_BITS-1:0] in_data,
    input  logic                  in_valid,
    output logic                  in_ready,

    output logic [OUT_BITS-1:0]   out_data,   // all outputs, the first one lowest
    output logic [OUTPUTS-1:0]    out_valid,  // likewise
    input  logic [OUTPUTS-1:0]    out_ready   // likewise
);

    if (LANES < 1 || BITS < 1) begin : check_widths
        $error("stream_fork: LANES = %0d, BITS = %0d, must be at least 1", LANES, BITS);
    end
    if (OUTPUTS < 1) begin : check_outputs
        $error("stream_fork: OUTPUTS = %0d, must be at least 1", OUTPUTS);
    end

    logic [LANES-1:0][BITS-1:0] beat;
    logic [OUTPUTS-1:0]         waiting;  // outputs that have yet to take the beat

    assign waiting  = out_valid & ~out_ready;
    assign in_ready = waiting == '0;

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= '0;
        else out_valid <= in_ready ? {OUTPUTS{in_valid}} : waiting;
    end
    always_ff @(posedge clk) if (in_ready) beat <= in_data;

    for (genvar n = 0; n < OUTPUTS; n++) begin : output_stream
        localparam int BEFORE = $countones(SIGNS & ~({OUTPUTS{1'b1}} << n));  // of signs
        localparam int FROM   = BEFORE * LANES + (n - BEFORE) * VALUE_BITS;
        if (SIGNS[n]) begin : of_signs
            for (genvar i = 0; i < LANES; i++) begin : lane
                assign out_data[FROM+i] = !beat[i][BITS-1];
            end
        end else begin : of_values
            assign out_data[FROM +: VALUE_BITS] = beat;
        end
    end

endmodule
