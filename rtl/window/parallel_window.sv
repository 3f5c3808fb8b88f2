// Parallel window: streams the windows of a convolution, all taps of a window in parallel, padding
// included.
//
// The image comes in row by row, WORDS beats per pixel, into ROWS memories of one row each, used in
// turn. The rows of a row of windows are read together, column by column; the last KW columns form
// a window. Only padding columns to the right of the image cost cycles; left padding is whatever
// the column shift register holds when a line starts. Elements outside the image are replaced by
// PAD.
//
//     rows in LUT or block RAM -> columns read -> rotated -> past columns -> window
//
// A beat can be read in the cycle after it was written. The windows' first row is overwritten as
// far as it has been read: beats of the next rows, and of the next frame, come in while windows
// leave. Padding rows above the image occupy rows of the buffer like any others. Each beat of a
// column takes a cycle, whether or not a window ends there. Without gaps and stalls, a frame takes
// max(H_IN * W_IN, H_OUT * columns read) * WORDS cycles, if ROWS suffices.
//
// All positions are counters; nothing is divided. The slots of the rows run on from frame to frame.

module parallel_window #(
    parameter int LANES = 1,  // elements of an input beat
    parameter int BITS = 1,   // width of an element
    parameter int PAD = 0,    // value of an element outside the image, BITS bits
    parameter int WORDS = 1,  // beats of a pixel
    parameter int H_IN = 4,   // image, in pixels
    parameter int W_IN = 4,
    parameter int H_OUT = 4,  // windows down and across
    parameter int W_OUT = 4,
    parameter int KH = 3,     // window, in pixels
    parameter int KW = 3,
    parameter int SH = 1,     // stride, in pixels
    parameter int SW = 1,
    parameter int TOP = 1,    // padding above and left; below and right follow
    parameter int LEFT = 1,
    parameter int ROWS = 3,   // rows of the buffer, at least 2 and KH
    parameter RAM_STYLE = "distributed"  // or "block"
) (
    input  logic                        clk,
    input  logic                        rst_n,      // synchronous, active low

    input  logic [LANES*BITS-1:0]       in_data,    // some channels of a pixel
    input  logic                        in_valid,
    output logic                        in_ready,   // depends on flip-flops only

    output logic [KH*KW*LANES*BITS-1:0] out_data,   // these channels of a window, row by row
    output logic                        out_valid,
    input  logic                        out_ready
);

    if (LANES < 1) begin : check_lanes
        $error("parallel_window: LANES = %0d, must be at least 1", LANES);
    end
    if (BITS < 1) begin : check_bits
        $error("parallel_window: BITS = %0d, must be at least 1", BITS);
    end
    if (WORDS < 1) begin : check_words
        $error("parallel_window: WORDS = %0d, must be at least 1", WORDS);
    end
    if (KH < 1 || KW < 1) begin : check_kernel
        $error("parallel_window: KH = %0d, KW = %0d, must be at least 1", KH, KW);
    end
    if (SH < 1 || SW < 1) begin : check_stride
        $error("parallel_window: SH = %0d, SW = %0d, must be at least 1", SH, SW);
    end
    if (TOP < 0 || LEFT < 0) begin : check_padding
        $error("parallel_window: TOP = %0d, LEFT = %0d, must be at least 0", TOP, LEFT);
    end
    if (W_IN < 1 || W_OUT < 1) begin : check_width
        $error("parallel_window: W_IN = %0d, W_OUT = %0d, must be at least 1", W_IN, W_OUT);
    end
    // With more rows than these below the last window, H_OUT would be larger.
    if (H_IN < 1 || H_OUT < 1 || H_IN + TOP - (H_OUT - 1) * SH >= KH + SH) begin : check_height
        $error("parallel_window: H_OUT = %0d, does not fit H_IN = %0d", H_OUT, H_IN);
    end
    if (KW + (W_OUT - 1) * SW <= LEFT) begin : check_columns
        $error("parallel_window: LEFT = %0d, must be below %0d, where the last window ends",
               LEFT, KW + (W_OUT - 1) * SW);
    end
    if (ROWS < 2 || ROWS < KH) begin : check_rows
        $error("parallel_window: ROWS = %0d, must be at least 2 and KH = %0d", ROWS, KH);
    end

    // A string has one byte per letter; "distributed" has 11.
    if (88'(RAM_STYLE) != "distributed" && 88'(RAM_STYLE) != 88'("block")) begin : check_ram_style
        $error("parallel_window: RAM_STYLE = %0s, must be distributed or block", RAM_STYLE);
    end

    localparam int W = LANES * BITS;      // bits of an input beat
    localparam int ROW = W_IN * WORDS;    // beats of an image row
    localparam int LAST_TOP = (H_OUT - 1) * SH - TOP;      // row where the last windows start
    localparam int FIRST_END = KW - 1 - LEFT;              // where a line's first window ends
    localparam int LAST_COL = FIRST_END + (W_OUT - 1) * SW;
    localparam int FIRST_COL = FIRST_END < 0 ? FIRST_END : 0;
    localparam int FIRST_BEAT = FIRST_COL * WORDS;         // first one read in a line
    localparam int LAST_BEAT = LAST_COL * WORDS + WORDS - 1;
    // Whether a frame starts with steps that read nothing of the image.
    localparam bit PADDING_LEADS = TOP >= KH || FIRST_COL < 0;

    localparam int COL_MOST = LAST_BEAT > ROW ? LAST_BEAT : ROW;
    localparam int COL_BITS = 1 + $clog2(1 + (COL_MOST > -FIRST_BEAT ? COL_MOST : -FIRST_BEAT));
    localparam int TOP_MOST = LAST_TOP + SH > H_IN ? LAST_TOP + SH : H_IN;
    localparam int TOP_BITS = 1 + $clog2(1 + (TOP_MOST > TOP ? TOP_MOST : TOP));
    localparam int HELD_MOST = ROWS + 1 + TOP > KH + SH ? ROWS + 1 + TOP : KH + SH;
    localparam int HELD_BITS = 1 + $clog2(1 + HELD_MOST);
    localparam int SLOT_BITS = $clog2(ROWS);
    localparam int ADDR_BITS = ROW > 1 ? $clog2(ROW) : 1;
    localparam int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam int WAIT_MOST = FIRST_END - FIRST_COL > SW - 1 ? FIRST_END - FIRST_COL : SW - 1;
    localparam int WAIT_BITS = WAIT_MOST > 0 ? $clog2(1 + WAIT_MOST) : 1;

    typedef logic signed [COL_BITS-1:0] col_t;
    typedef logic signed [TOP_BITS-1:0] top_t;
    typedef logic signed [HELD_BITS-1:0] held_t;
    typedef logic [SLOT_BITS-1:0] slot_t;
    typedef logic [WAIT_BITS-1:0] wait_t;
    typedef logic [KH-1:0][W-1:0] column_t;

    // ---------------------------------------------------------------- position

    top_t                 top;      // image row where the windows start
    col_t                 col;      // beat within the rows
    logic [WORD_BITS-1:0] word;     // beat within the pixel
    wait_t                columns;  // still to read until a window ends
    logic                 read;     // the column's beat is read now
    logic                 last_line, pixel_ends, line_ends;

    assign last_line = top == top_t'(LAST_TOP);
    assign pixel_ends = read && word == WORD_BITS'(WORDS - 1);
    assign line_ends = read && col == col_t'(LAST_BEAT);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            top     <= top_t'(-TOP);
            col     <= col_t'(FIRST_BEAT);
            word    <= '0;
            columns <= wait_t'(FIRST_END - FIRST_COL);
        end else if (read) begin
            if (line_ends) top <= last_line ? top_t'(-TOP) : top + top_t'(SH);
            col <= line_ends ? col_t'(FIRST_BEAT) : col + 1'b1;
            if (pixel_ends) begin
                word <= '0;
                if (line_ends) columns <= wait_t'(FIRST_END - FIRST_COL);
                else columns <= columns == '0 ? wait_t'(SW - 1) : columns - 1'b1;
            end else begin
                word <= word + 1'b1;
            end
        end
    end

    // ---------------------------------------------------------------- rows in the buffer

    // Padding rows below the image do not belong to the frame.
    function automatic top_t clipped(input top_t y);
        clipped = LAST_TOP > H_IN && y > top_t'(H_IN) ? top_t'(H_IN) : y;
    endfunction

    localparam int LAST_CLIPPED = LAST_TOP > H_IN ? H_IN : LAST_TOP;

    // Complete rows, from the windows' first one on. Padding rows above the image are complete as
    // soon as the previous frame has ended. Negative while rows that no window needs are still to
    // come: the stride or the frame's end has already skipped them.
    held_t held;
    held_t needed;       // rows that the windows need, including padding above
    held_t leaving;      // rows that the next windows don't need
    logic  row_written;  // a row completes now

    always_comb begin
        needed = held_t'(KH);
        if (LAST_TOP + KH > H_IN && top > top_t'(H_IN - KH)) needed = held_t'(top_t'(H_IN) - clipped(top));
        leaving = held_t'(SH);
        if (last_line) leaving = held_t'(H_IN - TOP - LAST_CLIPPED);
        else if (LAST_TOP > H_IN) leaving = held_t'(clipped(top + top_t'(SH)) - clipped(top));
    end

    always_ff @(posedge clk) begin
        if (!rst_n) held <= held_t'(TOP);
        else held <= held + (row_written ? held_t'(1) : held_t'(0))
            - (line_ends ? leaving : held_t'(0));
    end

    // ---------------------------------------------------------------- writing

    logic [ADDR_BITS-1:0] write_col;   // beats already written to the current row
    slot_t                write_slot;  // slot of that row
    logic                 write;

    // When all rows are occupied, the windows' first row is free as far as it has been read. Below
    // the image the windows have no such row: those held belong to the next frame.
    logic overwrite;
    assign overwrite = LAST_TOP < H_IN || top < top_t'(H_IN);
    assign in_ready = held < held_t'(ROWS)
        || (held == held_t'(ROWS) && overwrite && col_t'(write_col) < col);
    assign write = in_valid && in_ready;
    assign row_written = write && write_col == ADDR_BITS'(ROW - 1);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            write_col  <= '0;
            write_slot <= '0;
        end else if (write) begin
            write_col <= row_written ? '0 : write_col + 1'b1;
            if (row_written) write_slot <= write_slot == slot_t'(ROWS - 1) ? '0 : write_slot + 1'b1;
        end
    end

    // ---------------------------------------------------------------- reading

    logic  in_image;   // the column is in the image
    logic  present;  // its rows that are needed are in the buffer
    logic  begun;    // the frame's first beat has come: padding must not run ahead
    logic  emit;     // a window ends here

    logic  column_valid, column_emit;  // for the column beat read last
    logic  advance;                    // that beat moves on

    assign in_image = (FIRST_COL == 0 || col >= col_t'(0))
        && (LAST_COL < W_IN || col < col_t'(ROW));
    assign present = needed <= held || (needed == held + held_t'(1) && col < col_t'(write_col));
    assign begun = !PADDING_LEADS || top != top_t'(-TOP) || held > held_t'(TOP)
        || (held == held_t'(TOP) && write_col != '0);
    assign emit = columns == '0;
    assign read = begun && (present || !in_image) && (!column_valid || advance);

    logic [ROWS-1:0][W-1:0] beats;  // of each row of the buffer

    for (genvar slot = 0; slot < ROWS; slot++) begin : buffer
        (* ram_style = RAM_STYLE *) logic [W-1:0] row [0:ROW-1];

        always_ff @(posedge clk) begin
            if (write && write_slot == slot_t'(slot)) row[write_col] <= in_data;
            if (read) beats[slot] <= row[ADDR_BITS'(unsigned'(col))];
        end
    end

    // The slot of the windows' first row, and which rows and columns of a window are in the image.
    // Slots are counted as if the padding rows above the image had been written.
    localparam int TO_NEXT_LINE = SH % ROWS;
    localparam int TO_NEXT_FRAME = ((H_IN - TOP - LAST_TOP) % ROWS + ROWS) % ROWS;
    localparam int AT_FIRST = (ROWS - TOP % ROWS) % ROWS;

    slot_t            first_slot;
    logic [SLOT_BITS:0] next_slot;
    logic [KH-1:0]    rows_inside;
    logic [KW-1:0]    columns_inside;
    slot_t            column_slot;  // likewise for the column read
    logic [KH-1:0]    column_rows;
    logic [KW-1:0]    column_columns;

    assign next_slot = {1'b0, first_slot} + (last_line
        ? (SLOT_BITS + 1)'(TO_NEXT_FRAME) : (SLOT_BITS + 1)'(TO_NEXT_LINE));
    always_ff @(posedge clk) begin
        if (!rst_n) first_slot <= slot_t'(AT_FIRST);
        else if (line_ends) first_slot <= next_slot >= (SLOT_BITS + 1)'(ROWS)
            ? slot_t'(next_slot - (SLOT_BITS + 1)'(ROWS)) : next_slot[SLOT_BITS-1:0];
    end

    for (genvar i = 0; i < KH; i++) begin : row_inside
        assign rows_inside[i] = (i >= TOP || top >= top_t'(-i))
            && (LAST_TOP + i < H_IN || top < top_t'(H_IN - i));
    end

    assign columns_inside[KW-1] = in_image;
    if (KW > 1 && LEFT == 0 && LAST_COL < W_IN) begin : columns_all_inside
        assign columns_inside[KW-2:0] = '1;
    end else if (KW > 1) begin : columns_before
        // Left of a line's first column, there is padding.
        always_ff @(posedge clk) begin
            if (!rst_n || line_ends) columns_inside[KW-2:0] <= '0;
            else if (pixel_ends) columns_inside[KW-2:0] <= columns_inside[KW-1:1];
        end
    end

    always_ff @(posedge clk) begin
        if (!rst_n) column_valid <= 1'b0;
        else if (read) column_valid <= 1'b1;
        else if (advance) column_valid <= 1'b0;
        if (read) begin
            column_emit    <= emit;
            column_slot    <= first_slot;
            column_rows    <= rows_inside;
            column_columns <= columns_inside;
        end
    end

    // ---------------------------------------------------------------- the window

    column_t column;          // the column read, the window's first row lowest
    column_t window [0:KW-1];

    for (genvar i = 0; i < KH; i++) begin : turn
        logic [ROWS-1:0][W-1:0] from_row;
        for (genvar slot = 0; slot < ROWS; slot++) begin : place
            assign from_row[slot] = beats[(slot + i) % ROWS];
        end
        assign column[i] = from_row[column_slot];
    end

    assign advance = column_valid && (!column_emit || !out_valid || out_ready);
    assign window[KW-1] = column;
    if (KW > 1) begin : remember
        localparam int BEFORE = (KW - 1) * WORDS;
        column_t past [0:BEFORE-1];  // previous column beats, the newest first
        always_ff @(posedge clk) begin
            if (advance) begin
                past[0] <= column;
                for (int n = 1; n < BEFORE; n++) past[n] <= past[n-1];
            end
        end
        for (genvar j = 0; j < KW - 1; j++) begin : tap
            assign window[j] = past[(KW-1-j)*WORDS-1];
        end
    end

    for (genvar i = 0; i < KH; i++) begin : out_row
        for (genvar j = 0; j < KW; j++) begin : out_column
            always_ff @(posedge clk) begin
                if (advance && column_emit) out_data[(i*KW+j)*W +: W] <=
                    column_rows[i] && column_columns[j] ? window[j][i] : {LANES{BITS'(PAD)}};
            end
        end
    end

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (advance && column_emit) out_valid <= 1'b1;
        else if (out_ready) out_valid <= 1'b0;
    end

endmodule
