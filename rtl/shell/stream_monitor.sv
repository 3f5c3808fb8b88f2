// Stream monitor: counts the frames that enter and leave the accelerator, measures their latency
// and interval, and detects when the accelerator withdraws or changes a beat that it offers.

module stream_monitor #(
    parameter int IN_BEATS = 1,    // of a frame, at least 1
    parameter int OUT_BEATS = 1,   // likewise
    parameter int OUT_TDATA_BITS = 8
) (
    input  logic                      clk,
    input  logic                      rst_n,       // synchronous, active low

    input  logic                      idle,        // no batch: the next frame is a first one
    input  logic                      in_valid,    // the accelerator's input
    input  logic                      in_ready,
    input  logic [OUT_TDATA_BITS-1:0] out_data,    // its output
    input  logic                      out_valid,
    input  logic                      out_ready,

    output logic                      broken,      // the output stream breaks its protocol
    output logic [31:0]               frames_in,   // frames that entered completely
    output logic [31:0]               frames_out,  // frames that left completely
    output logic [31:0]               latency,     // cycles from the first beat in to the last out
                                                   // of the first frame after idle, both included
    output logic [31:0]               interval     // cycles between the ends of the last two frames
                                                   // with no idle between them
);

    if (IN_BEATS < 1 || OUT_BEATS < 1) begin : check_beats
        $error("stream_monitor: IN_BEATS = %0d, OUT_BEATS = %0d, must be at least 1",
               IN_BEATS, OUT_BEATS);
    end

    localparam int IN_BITS = IN_BEATS > 1 ? $clog2(IN_BEATS) : 1;
    localparam int OUT_BITS = OUT_BEATS > 1 ? $clog2(OUT_BEATS) : 1;

    logic [IN_BITS-1:0]  in_beat;
    logic [OUT_BITS-1:0] out_beat;
    logic                in_moves, out_moves, in_ends, out_ends;

    assign in_ends = in_moves && in_beat == IN_BITS'(IN_BEATS - 1);
    assign out_ends = out_moves && out_beat == OUT_BITS'(OUT_BEATS - 1);

    // Beats are counted in the cycle after they moved.
    always_ff @(posedge clk) begin
        if (!rst_n) begin
            in_moves  <= 1'b0;
            out_moves <= 1'b0;
            in_beat   <= '0;
            out_beat  <= '0;
        end else begin
            in_moves  <= in_valid && in_ready;
            out_moves <= out_valid && out_ready;
            if (in_moves) in_beat <= in_ends ? '0 : in_beat + 1'b1;
            if (out_moves) out_beat <= out_ends ? '0 : out_beat + 1'b1;
        end
    end

    split_counter #(
        .BITS (32)
    ) in_counter (
        .clk   (clk),
        .clear (!rst_n),
        .step  (in_ends),
        .count (frames_in)
    );

    split_counter #(
        .BITS (32)
    ) out_counter (
        .clk   (clk),
        .clear (!rst_n),
        .step  (out_ends),
        .count (frames_out)
    );

    logic [31:0] age;        // cycles since the first beat of the first frame after idle, with its
    logic [31:0] since;      // cycles since the end of the newest frame, with the current one
    logic        waiting;    // for the first beat after idle
    logic        first_out;  // no frame has left since idle

    split_counter #(
        .BITS  (32),
        .FIRST (32'd1)
    ) age_counter (
        .clk   (clk),
        .clear (!rst_n || (waiting && !in_moves)),
        .step  (1'b1),
        .count (age)
    );

    split_counter #(
        .BITS  (32),
        .FIRST (32'd1)
    ) since_counter (
        .clk   (clk),
        .clear (!rst_n || out_ends),
        .step  (1'b1),
        .count (since)
    );

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            waiting   <= 1'b1;
            first_out <= 1'b1;
            latency   <= '0;
            interval  <= '0;
        end else begin
            if (idle) waiting <= 1'b1;
            else if (in_moves) waiting <= 1'b0;
            if (idle) first_out <= 1'b1;
            else if (out_ends) first_out <= 1'b0;
            if (out_ends && first_out) latency <= age;
            if (out_ends && !first_out) interval <= since;
        end
    end

    logic                      held;  // a beat was offered and not taken
    logic [OUT_TDATA_BITS-1:0] held_data;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            held   <= 1'b0;
            broken <= 1'b0;
        end else begin
            held   <= out_valid && !out_ready;
            broken <= held && (!out_valid || out_data != held_data);
        end
        held_data <= out_data;
    end

endmodule
