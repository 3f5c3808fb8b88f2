// Keeps every SH-th row and SW-th column of an image and adds beats of zeros before and after each
// kept pixel. Each cycle a beat comes in, leaves, or both: while zeros leave, dropped pixels come
// in. The zeros before a pixel leave ahead of it, except for a frame's first pixel, which they wait
// for.
//
// in_ready depends on out_ready.

module subsample_pad #(
    parameter int W      = 8,  // width of a beat in bits
    parameter int H_IN   = 4,  // image, in pixels
    parameter int W_IN   = 4,
    parameter int SH     = 2,  // stride, in pixels
    parameter int SW     = 2,
    parameter int BEFORE = 1,  // beats of zeros before a pixel
    parameter int WORDS  = 2,  // beats of a pixel
    parameter int AFTER  = 1   // beats of zeros after a pixel
) (
    input  logic         clk,
    input  logic         rst_n,      // synchronous, active low

    input  logic [W-1:0] in_data,
    input  logic         in_valid,
    output logic         in_ready,

    output logic [W-1:0] out_data,
    output logic         out_valid,
    input  logic         out_ready
);

    if (W < 1) begin : check_w
        $error("subsample_pad: W = %0d, must be at least 1", W);
    end
    if (H_IN < 1 || W_IN < 1) begin : check_image
        $error("subsample_pad: H_IN = %0d, W_IN = %0d, must be at least 1", H_IN, W_IN);
    end
    if (SH < 1 || SW < 1) begin : check_stride
        $error("subsample_pad: SH = %0d, SW = %0d, must be at least 1", SH, SW);
    end
    if (BEFORE < 0 || WORDS < 1 || AFTER < 0) begin : check_beats
        $error("subsample_pad: BEFORE = %0d, WORDS = %0d, AFTER = %0d, must be at least 0, 1, 0",
               BEFORE, WORDS, AFTER);
    end

    localparam int BEATS     = BEFORE + WORDS + AFTER;
    localparam int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam int X_BITS    = W_IN > 1 ? $clog2(W_IN) : 1;
    localparam int Y_BITS    = H_IN > 1 ? $clog2(H_IN) : 1;
    localparam int SX_BITS   = SW > 1 ? $clog2(SW) : 1;
    localparam int SY_BITS   = SH > 1 ? $clog2(SH) : 1;
    localparam int BEAT_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
    localparam int LAST_X    = (W_IN - 1) / SW * SW;  // last kept column and row
    localparam int LAST_Y    = (H_IN - 1) / SH * SH;

    // ---------------------------------------------------------------- input position

    logic [WORD_BITS-1:0] word;    // beat within the pixel
    logic [X_BITS-1:0]    x;       // pixel
    logic [Y_BITS-1:0]    y;
    logic [SX_BITS-1:0]   from_x;  // columns since the last kept one
    logic [SY_BITS-1:0]   from_y;  // likewise for rows

    logic take, pixel_ends, row_ends, stays;
    assign take       = in_valid && in_ready;
    assign pixel_ends = take && word == WORD_BITS'(WORDS - 1);
    assign row_ends   = pixel_ends && x == X_BITS'(W_IN - 1);
    assign stays      = from_x == '0 && from_y == '0;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            word   <= '0;
            x      <= '0;
            y      <= '0;
            from_x <= '0;
            from_y <= '0;
        end else begin
            if (take) word <= pixel_ends ? '0 : word + 1'b1;
            if (pixel_ends) begin
                x      <= row_ends ? '0 : x + 1'b1;
                from_x <= row_ends || from_x == SX_BITS'(SW - 1) ? '0 : from_x + 1'b1;
            end
            if (row_ends) begin
                y      <= y == Y_BITS'(H_IN - 1) ? '0 : y + 1'b1;
                from_y <= y == Y_BITS'(H_IN - 1) || from_y == SY_BITS'(SH - 1)
                    ? '0 : from_y + 1'b1;
            end
        end
    end

    // ---------------------------------------------------------------- output position

    logic [BEAT_BITS-1:0] beat;   // within the pixel
    logic                 fresh;  // no beat of the frame has been passed on yet
    logic                 is_before, is_after, put, free;

    assign is_before = BEFORE != 0 && beat < BEAT_BITS'(BEFORE);
    assign is_after  = AFTER != 0 && beat >= BEAT_BITS'(BEFORE + WORDS);
    assign free      = !out_valid || out_ready;
    assign in_ready  = !stays || (free && !is_before && !is_after);
    always_comb begin
        if (is_after) put = free;
        else if (is_before) put = free && (!fresh || (in_valid && stays));
        else put = take && stays;
    end

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            beat      <= '0;
            fresh     <= 1'b1;
            out_valid <= 1'b0;
        end else begin
            if (free) out_valid <= put;
            if (put) beat <= beat == BEAT_BITS'(BEATS - 1) ? '0 : beat + 1'b1;
            if (take && stays)
                fresh <= pixel_ends && x == X_BITS'(LAST_X) && y == Y_BITS'(LAST_Y);
        end
    end
    always_ff @(posedge clk) if (free) out_data <= is_before || is_after ? '0 : in_data;

endmodule
