// Stream concatenation: for each pixel, the beats of the first input, then those of the second, and
// so on. One beat per cycle; one cycle of latency.
//
// Only the input whose turn it is is ready; in_ready depends on out_ready.

module concat_streams #(
    parameter int W       = 8,  // bits of a beat
    parameter int STREAMS = 2,  // at least 2
    parameter logic [STREAMS-1:0][31:0] WORDS = {STREAMS{32'd1}}  // beats of each input's pixel
) (
    input  logic                      clk,
    input  logic                      rst_n,      // synchronous, active low

    input  logic [STREAMS-1:0][W-1:0] in_data,    // all inputs, the first one lowest
    input  logic [STREAMS-1:0]        in_valid,   // likewise
    output logic [STREAMS-1:0]        in_ready,   // likewise

    output logic [W-1:0]              out_data,
    output logic                      out_valid,
    input  logic                      out_ready
);

    if (W < 1) begin : check_w
        $error("concat_streams: W = %0d, must be at least 1", W);
    end
    if (STREAMS < 2) begin : check_streams
        $error("concat_streams: STREAMS = %0d, must be at least 2", STREAMS);
    end
    for (genvar n = 0; n < STREAMS; n++) begin : check
        if (WORDS[n] < 1) begin : check_words
            $error("concat_streams: WORDS[%0d] = %0d, must be at least 1", n, WORDS[n]);
        end
    end

    function automatic int most_words();
        most_words = 1;
        for (int n = 0; n < STREAMS; n++)
            if (int'(WORDS[n]) > most_words) most_words = int'(WORDS[n]);
    endfunction

    localparam int TURN_BITS = $clog2(STREAMS);
    localparam int MOST      = most_words();
    localparam int WORD_BITS = MOST > 1 ? $clog2(MOST) : 1;

    logic [TURN_BITS-1:0] turn;  // the input to take from
    logic [WORD_BITS-1:0] word;  // beat within its pixel
    logic                 room, take, last;

    assign room = !out_valid || out_ready;
    assign take = room && in_valid[turn];
    assign last = word == WORD_BITS'(WORDS[turn] - 1);
    for (genvar n = 0; n < STREAMS; n++) begin : each
        assign in_ready[n] = room && turn == TURN_BITS'(n);
    end

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            turn      <= '0;
            word      <= '0;
            out_valid <= 1'b0;
        end else begin
            if (take) word <= last ? '0 : word + 1'b1;
            if (take && last) turn <= turn == TURN_BITS'(STREAMS - 1) ? '0 : turn + 1'b1;
            if (room) out_valid <= take;
        end
    end
    always_ff @(posedge clk) if (room) out_data <= in_data[turn];

endmodule
