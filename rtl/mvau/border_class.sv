// Tracks the border class of a convolution's next output position, one position per step, in
// registers. Vertically and horizontally, a run is a range of positions at which the same kernel
// taps lie in the padding.
// Each pair of a vertical and a horizontal run is a class, numbered row by row. A 3x3 kernel with
// padding 1 has 9.

module border_class #(
    parameter int KH = 3,       // rows and columns of the kernel
    parameter int KW = 3,
    parameter int SH = 1,       // stride down and right
    parameter int SW = 1,
    parameter int PAD_H = 1,    // padding at the top and at the left
    parameter int PAD_W = 1,
    parameter int IH = 4,       // rows and columns of the image
    parameter int IW = 4,
    parameter int OH = 4,       // rows and columns of the output
    parameter int OW = 4,
    parameter int CLASSES = 9,  // number of border classes
    localparam int CLASS_BITS = (CLASSES == 1) ? 1 : $clog2(CLASSES)
) (
    input  logic                  clk,
    input  logic                  rst_n,         // synchronous, active low: the first position
    input  logic                  step,          // advance; the first follows the last
    output logic [CLASS_BITS-1:0] next_border    // class of the position after that of this step
);

    if (KH < 1 || KW < 1 || SH < 1 || SW < 1 || IH < 1 || IW < 1 || OH < 1 || OW < 1) begin : check
        $error("border_class: sizes %0d, %0d, %0d, %0d, %0d, %0d, %0d, %0d must be at least 1",
               KH, KW, SH, SW, IH, IW, OH, OW);
    end
    if (PAD_H < 0 || PAD_W < 0) begin : check_pad
        $error("border_class: PAD_H = %0d, PAD_W = %0d, must be at least 0", PAD_H, PAD_W);
    end

    // Whether a run ends at a position: at the next one, the kernel overlaps the padding
    // differently.
    function automatic logic ends(input int at, input int kernel, input int stride, input int pad,
                                  input int size);
        int from;  // first row or column of the image, relative to the kernel
        from = pad - at * stride;
        return limited(from, kernel) != limited(from - stride, kernel)
            || limited(from + size, kernel) != limited(from + size - stride, kernel);
    endfunction

    function automatic int limited(input int edge_at, input int kernel);
        return (edge_at < 0) ? 0 : (edge_at > kernel) ? kernel : edge_at;
    endfunction

    // Where runs end, except the last run of each axis.
    function automatic logic [OH-1:0] row_ends();
        row_ends = '0;
        for (int i = 0; i < OH - 1; i++) row_ends[i] = ends(i, KH, SH, PAD_H, IH);
    endfunction

    function automatic logic [OW-1:0] column_ends();
        column_ends = '0;
        for (int i = 0; i < OW - 1; i++) column_ends[i] = ends(i, KW, SW, PAD_W, IW);
    endfunction

    localparam logic [OH-1:0] ROW_ENDS    = row_ends();
    localparam logic [OW-1:0] COLUMN_ENDS = column_ends();
    localparam int            ROW_RUNS    = $countones(ROW_ENDS) + 1;
    localparam int            COLUMN_RUNS = $countones(COLUMN_ENDS) + 1;

    if (CLASSES != ROW_RUNS * COLUMN_RUNS) begin : check_classes
        $error("border_class: CLASSES = %0d, must be %0d", CLASSES, ROW_RUNS * COLUMN_RUNS);
    end

    localparam int Y_BITS = (OH == 1) ? 1 : $clog2(OH);
    localparam int X_BITS = (OW == 1) ? 1 : $clog2(OW);
    logic [Y_BITS-1:0] y;  // the next position, the second one after a reset
    logic [X_BITS-1:0] x;
    logic last_y, last_x;
    assign last_y = y == Y_BITS'(OH - 1);
    assign last_x = x == X_BITS'(OW - 1);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            next_border <= CLASS_BITS'((OW == 1) ? ROW_ENDS[0] : COLUMN_ENDS[0]);
            x           <= X_BITS'(OW != 1);
            y           <= Y_BITS'(OW == 1 && OH != 1);
        end else if (step) begin
            if (last_x && last_y) next_border <= '0;
            else if (last_x && !ROW_ENDS[y])
                next_border <= next_border - CLASS_BITS'(COLUMN_RUNS - 1);
            else if (last_x || COLUMN_ENDS[x]) next_border <= next_border + 1'b1;
            x <= last_x ? '0 : x + 1'b1;
            if (last_x) y <= last_y ? '0 : y + 1'b1;
        end
    end

endmodule
