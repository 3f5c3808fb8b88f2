// Beats of a matrix-vector unit: replays the beats of each vector PASSES times, and numbers them.

module mvau_beats #(
    parameter int W         = 8,  // width of a beat in bits, at least 1
    parameter int BEATS     = 4,  // of a vector, at least 1
    parameter int PASSES    = 2,  // at least 1
    localparam int DEPTH      = BEATS * PASSES,
    localparam int DEPTH_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH)
) (
    input  logic                  clk,
    input  logic                  rst_n,    // synchronous, active low

    input  logic [W-1:0]          in_data,
    input  logic                  in_valid,
    output logic                  in_ready,

    input  logic                  en,       // pipeline enable: take the beat
    output logic [W-1:0]          data,
    output logic [DEPTH_BITS-1:0] address,  // pass * BEATS + beat
    output logic                  valid,    // data holds a beat
    output logic                  first,    // of a pass
    output logic                  last      // of a pass
);

    localparam int BEAT_BITS = (BEATS == 1) ? 1 : $clog2(BEATS);

    replay_buffer #(.W(W), .BEATS(BEATS), .PASSES(PASSES)) replay (
        .clk, .rst_n, .in_data, .in_valid, .in_ready,
        .out_data(data), .out_valid(valid), .out_ready(en)
    );

    logic [BEAT_BITS-1:0] beat;
    logic                 address_end;
    assign first       = beat == '0;
    assign last        = beat == BEAT_BITS'(BEATS - 1);
    assign address_end = address == DEPTH_BITS'(DEPTH - 1);
    always_ff @(posedge clk) begin
        if (!rst_n) begin
            beat    <= '0;
            address <= '0;
        end else if (en && valid) begin
            beat    <= last ? '0 : beat + 1'b1;
            address <= address_end ? '0 : address + 1'b1;
        end
    end

endmodule
