// Sliding window: streams the windows of a convolution, padding included.
//
// The image comes in row by row, WORDS beats per pixel, into a circular buffer of ROWS rows. The
// windows leave one after the other, each row by row, WORDS beats per pixel; positions outside the
// image carry PAD, which is inserted on the way out. A beat can be read two cycles after it was
// written, and a row is released in the cycle after its last window's last beat was read. So beats
// leave every cycle, across rows and frames, as long as beats come in, and vice versa: a frame
// takes max(beats in, beats out) cycles, if ROWS suffices.
//
//     position, whose beat must have come -> address -> out_data
//
// All positions are counters; nothing is divided. The slots of the circular buffer run on from
// frame to frame.

module sliding_window #(
    parameter int LANES = 1,  // elements of a beat
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
    parameter int ROWS = 4,   // rows of the buffer, at least KH + SH
    parameter RAM_STYLE = "distributed"  // or "block"
) (
    input  logic                  clk,
    input  logic                  rst_n,      // synchronous, active low

    input  logic [LANES*BITS-1:0] in_data,    // some channels of a pixel
    input  logic                  in_valid,
    output logic                  in_ready,   // depends on flip-flops only

    output logic [LANES*BITS-1:0] out_data,   // some channels of a pixel of a window
    output logic                  out_valid,
    input  logic                  out_ready
);

    if (LANES < 1) begin : check_lanes
        $error("sliding_window: LANES = %0d, must be at least 1", LANES);
    end
    if (BITS < 1) begin : check_bits
        $error("sliding_window: BITS = %0d, must be at least 1", BITS);
    end
    if (WORDS < 1) begin : check_words
        $error("sliding_window: WORDS = %0d, must be at least 1", WORDS);
    end
    if (KH < 1 || KW < 1) begin : check_kernel
        $error("sliding_window: KH = %0d, KW = %0d, must be at least 1", KH, KW);
    end
    if (SH < 1 || SW < 1) begin : check_stride
        $error("sliding_window: SH = %0d, SW = %0d, must be at least 1", SH, SW);
    end
    if (TOP < 0 || LEFT < 0) begin : check_padding
        $error("sliding_window: TOP = %0d, LEFT = %0d, must be at least 0", TOP, LEFT);
    end
    if (W_IN < 1 || W_OUT < 1) begin : check_width
        $error("sliding_window: W_IN = %0d, W_OUT = %0d, must be at least 1", W_IN, W_OUT);
    end
    // With more rows than these below the last window, H_OUT would be larger.
    if (H_IN < 1 || H_OUT < 1 || H_IN + TOP - (H_OUT - 1) * SH >= KH + SH) begin : check_height
        $error("sliding_window: H_OUT = %0d, does not fit H_IN = %0d", H_OUT, H_IN);
    end
    if (ROWS < KH + SH) begin : check_rows
        $error("sliding_window: ROWS = %0d, must be at least KH + SH = %0d", ROWS, KH + SH);
    end

    // A string has one byte per letter; "distributed" has 11.
    if (88'(RAM_STYLE) != "distributed" && 88'(RAM_STYLE) != 88'("block")) begin : check_ram_style
        $error("sliding_window: RAM_STYLE = %0s, must be distributed or block", RAM_STYLE);
    end

    localparam int ROW = W_IN * WORDS;    // beats of an image row
    localparam int RUN = KW * WORDS;      // beats of a window row, consecutive in the image row
    localparam int STEP = SW * WORDS;     // beats from a window to the next one
    localparam int LAST_X = (W_OUT - 1) * STEP - LEFT * WORDS;  // beat where the last window starts
    localparam int LAST_Y = (H_OUT - 1) * SH - TOP;             // row where it starts

    localparam int X_MOST = LAST_X + RUN > ROW ? LAST_X + RUN : ROW;
    localparam int X_BITS = 1 + $clog2(1 + (X_MOST > LEFT * WORDS ? X_MOST : LEFT * WORDS));
    localparam int Y_MOST = LAST_Y + SH + KH > H_IN ? LAST_Y + SH + KH : H_IN;
    localparam int Y_BITS = 1 + $clog2(1 + (Y_MOST > TOP ? Y_MOST : TOP));
    localparam int TAP_BITS = RUN > 1 ? $clog2(RUN) : 1;
    localparam int KROW_BITS = KH > 1 ? $clog2(KH) : 1;
    localparam int COL_BITS = ROW > 1 ? $clog2(ROW) : 1;
    localparam int SLOT_BITS = $clog2(ROWS);
    // If no window contains a column of the image, nothing waits for rows: all rows of a frame can
    // be outstanding at once.
    localparam int FIRST_WITH = LEFT < KW ? 0 : (LEFT - KW) / SW + 1;  // in the image
    localparam bit BESIDE = FIRST_WITH >= W_OUT || FIRST_WITH * SW - LEFT >= W_IN;
    localparam int HELD_BITS = 2 + $clog2(BESIDE && H_IN > ROWS ? H_IN : ROWS);  // signed row count
    localparam int ADDR_BITS = $clog2(ROWS * ROW);

    typedef logic signed [X_BITS-1:0] x_t;
    typedef logic signed [Y_BITS-1:0] y_t;
    typedef logic signed [HELD_BITS-1:0] held_t;
    typedef logic [HELD_BITS-1:0] number_t;  // of a row, counted from frame to frame; wraps around
    typedef logic [COL_BITS-1:0] beat_t;     // of an image row
    typedef logic [HELD_BITS+COL_BITS-1:0] place_t;  // {number of the row, beat in it}
    typedef logic [ADDR_BITS-1:0] addr_t;

    // Whether a place is before another one. Numbers of rows differ by less than half their range.
    function automatic logic precedes(input place_t a, input place_t b);
        place_t difference;
        difference = a - b;
        precedes = difference[HELD_BITS+COL_BITS-1];
    endfunction

    // ---------------------------------------------------------------- rows in the buffer

    // Complete rows, from the window's first one on. Negative while rows that no window needs are
    // still to come: the stride or the frame's end has already skipped them.
    held_t held;
    held_t released;     // rows released now
    logic  row_written;  // a row completes now

    assign in_ready = held != held_t'(ROWS);

    always_ff @(posedge clk) begin
        if (!rst_n) held <= '0;
        else held <= held + (row_written ? held_t'(1) : held_t'(0)) - released;
    end

    // ---------------------------------------------------------------- writing

    number_t write_row;  // number of the current row
    beat_t   write_col;  // beats already written to it
    addr_t   write_addr;
    logic    write;

    assign write = in_valid && in_ready;
    assign row_written = write && write_col == beat_t'(ROW - 1);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            write_row  <= '0;
            write_col  <= '0;
            write_addr <= '0;
        end else if (write) begin
            if (row_written) write_row <= write_row + 1'b1;
            write_col  <= row_written ? '0 : write_col + 1'b1;
            write_addr <= write_addr == addr_t'(ROWS * ROW - 1) ? '0 : write_addr + 1'b1;
        end
    end

    // ---------------------------------------------------------------- position

    x_t                   left;      // beat of the image row where the window starts
    x_t                   col;       // beat of the image row to read
    y_t                   top;       // image row where the window starts
    y_t                   row;       // image row to read
    logic [TAP_BITS-1:0]  tap;       // beat within the window row
    logic [KROW_BITS-1:0] krow;      // row within the window
    number_t              base;      // number of the first row held, the window's first one
    number_t              number;    // of the row to read
    logic [SLOT_BITS-1:0] base_slot; // of the first row held
    logic [SLOT_BITS-1:0] slot;      // of the row to read

    // The position is the last one of a row of a window, of a window, of a row of windows, of all.
    logic run_ends, window_ends, line_ends, frame_ends;

    assign run_ends = tap == TAP_BITS'(RUN - 1);
    assign window_ends = run_ends && krow == KROW_BITS'(KH - 1);
    assign line_ends = window_ends && left == x_t'(LAST_X);
    assign frame_ends = line_ends && top == y_t'(LAST_Y);

    // The next row of windows, and the rows that this one releases at its end.
    y_t                   next_top;
    y_t                   first, next_first;  // image row of the first row held
    held_t                releases;
    number_t              next_base;
    logic [SLOT_BITS:0]   advanced;
    logic [SLOT_BITS-1:0] next_base_slot;

    function automatic y_t clipped(input y_t y);
        if (y < y_t'(0)) clipped = '0;
        else if (LAST_Y > H_IN && y > y_t'(H_IN)) clipped = y_t'(H_IN);
        else clipped = y;
    endfunction

    assign next_top = top == y_t'(LAST_Y) ? y_t'(-TOP) : top + y_t'(SH);
    assign first = clipped(top);
    assign next_first = top == y_t'(LAST_Y) ? y_t'(H_IN) : clipped(top + y_t'(SH));
    assign releases = held_t'(next_first - first);
    assign next_base = base + number_t'(releases);
    assign advanced = {1'b0, base_slot} + (SLOT_BITS + 1)'(releases);
    assign next_base_slot = advanced >= (SLOT_BITS + 1)'(ROWS)
        ? SLOT_BITS'(advanced - (SLOT_BITS + 1)'(ROWS)) : advanced[SLOT_BITS-1:0];

    logic step;  // to the next position

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            tap       <= '0;
            krow      <= '0;
            left      <= x_t'(-LEFT * WORDS);
            col       <= x_t'(-LEFT * WORDS);
            top       <= y_t'(-TOP);
            row       <= y_t'(-TOP);
            base      <= '0;
            number    <= '0;
            base_slot <= '0;
            slot      <= '0;
        end else if (step) begin
            if (line_ends) begin
                tap       <= '0;
                krow      <= '0;
                left      <= x_t'(-LEFT * WORDS);
                col       <= x_t'(-LEFT * WORDS);
                top       <= next_top;
                row       <= next_top;
                base      <= next_base;
                number    <= next_base;
                base_slot <= next_base_slot;
                slot      <= next_base_slot;
            end else if (window_ends) begin
                tap       <= '0;
                krow      <= '0;
                left      <= left + x_t'(STEP);
                col       <= left + x_t'(STEP);
                row       <= top;
                number    <= base;
                slot      <= base_slot;
            end else if (run_ends) begin
                tap       <= '0;
                krow      <= krow + 1'b1;
                col       <= left;
                row       <= row + 1'b1;
                if (row >= y_t'(0)) begin
                    number <= number + 1'b1;
                    slot   <= slot == SLOT_BITS'(ROWS - 1) ? '0 : slot + 1'b1;
                end
            end else begin
                tap       <= tap + 1'b1;
                col       <= col + 1'b1;
            end
        end
    end

    logic padded;   // the position is outside the image
    logic begun;    // it is not the frame's first one
    logic present;  // its beat is in the buffer; if it is outside, the frame's first beat came:
                    // padding must not run ahead

    // Read as unsigned, negative numbers are large.
    assign padded = unsigned'(row) >= Y_BITS'(H_IN) || unsigned'(col) >= X_BITS'(ROW);
    assign present = padded ? begun || precedes({number, beat_t'(0)}, {write_row, write_col})
        : precedes({number, beat_t'(col)}, {write_row, write_col});

    always_ff @(posedge clk) begin
        if (!rst_n) begun <= 1'b0;
        else if (step) begun <= !frame_ends;
    end

    // ---------------------------------------------------------------- reading

    logic  waiting;         // there is a beat to read:
    addr_t read_addr;
    logic  read_padding;    // it is outside the image
    held_t read_releases;   // rows that reading it releases
    logic  read;            // it is read now

    assign step = present && (!waiting || read);
    assign read = waiting && (out_ready || !out_valid);
    assign released = read ? read_releases : held_t'(0);

    always_ff @(posedge clk) begin
        if (!rst_n) waiting <= 1'b0;
        else if (step) waiting <= 1'b1;
        else if (read) waiting <= 1'b0;
        if (step) begin
            read_addr     <= addr_t'(slot) * addr_t'(ROW) + addr_t'(beat_t'(col));
            read_padding  <= padded;
            read_releases <= line_ends ? releases : held_t'(0);
        end
    end

    (* ram_style = RAM_STYLE *) logic [LANES*BITS-1:0] rows [0:ROWS*ROW-1];

    always_ff @(posedge clk) begin
        if (write) rows[write_addr] <= in_data;
        if (read) out_data <= read_padding ? {LANES{BITS'(PAD)}} : rows[read_addr];
    end

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (read) out_valid <= 1'b1;
        else if (out_ready) out_valid <= 1'b0;
    end

endmodule
