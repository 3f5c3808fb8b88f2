// Which taps of a convolution's kernel lie in the image, not in its padding, at each output
// position in turn.

module border_taps #(
    parameter int KH = 3,     // rows and columns of the kernel
    parameter int KW = 3,
    parameter int SH = 1,     // stride down and right
    parameter int SW = 1,
    parameter int PAD_H = 1,  // padding at the top and at the left
    parameter int PAD_W = 1,
    parameter int IH = 4,     // rows and columns of the image
    parameter int IW = 4,
    parameter int OH = 4,     // rows and columns of the output
    parameter int OW = 4
) (
    input  logic                    clk,
    input  logic                    rst_n,  // synchronous, active low: the first position
    input  logic                    step,   // to the next position; after the last, the first
    output logic [KH-1:0][KW-1:0]   real_taps
);

    if (KH < 1 || KW < 1 || SH < 1 || SW < 1 || IH < 1 || IW < 1 || OH < 1 || OW < 1) begin : check
        $error("border_taps: sizes %0d, %0d, %0d, %0d, %0d, %0d, %0d, %0d must be at least 1",
               KH, KW, SH, SW, IH, IW, OH, OW);
    end
    if (PAD_H < 0 || PAD_W < 0) begin : check_pad
        $error("border_taps: PAD_H = %0d, PAD_W = %0d, must be at least 0", PAD_H, PAD_W);
    end

    // Row and column of the next position's window, counted from the padded image's first ones.
    // Being a position ahead leaves a cycle to find out which taps are real.
    localparam int LAST_Y = (OH - 1) * SH;
    localparam int LAST_X = (OW - 1) * SW;
    localparam int SECOND_Y = (OW == 1 && OH > 1) ? SH : 0;
    localparam int SECOND_X = (OW > 1) ? SW : 0;
    localparam int Y_BITS = $clog2(LAST_Y + KH + IH + PAD_H + 1);
    localparam int X_BITS = $clog2(LAST_X + KW + IW + PAD_W + 1);
    logic [Y_BITS-1:0] next_y;
    logic [X_BITS-1:0] next_x;

    logic [KH-1:0] row, first_row, next_row;           // taps' rows that are in the image
    logic [KW-1:0] column, first_column, next_column;  // taps' columns that are
    for (genvar k = 0; k < KH; k++) begin : in_row
        logic [Y_BITS-1:0] at;  // in the image; what is before it wraps round to beyond it
        assign at = next_y + Y_BITS'(k) - Y_BITS'(PAD_H);
        assign next_row[k]  = at < Y_BITS'(IH);
        assign first_row[k] = k >= PAD_H && k < IH + PAD_H;
    end
    for (genvar k = 0; k < KW; k++) begin : in_column
        logic [X_BITS-1:0] at;  // in the image; what is before it wraps round to beyond it
        assign at = next_x + X_BITS'(k) - X_BITS'(PAD_W);
        assign next_column[k]  = at < X_BITS'(IW);
        assign first_column[k] = k >= PAD_W && k < IW + PAD_W;
    end

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            row    <= first_row;
            column <= first_column;
            next_y <= Y_BITS'(SECOND_Y);
            next_x <= X_BITS'(SECOND_X);
        end else if (step) begin
            row    <= next_row;
            column <= next_column;
            next_x <= (next_x == X_BITS'(LAST_X)) ? '0 : next_x + X_BITS'(SW);
            if (next_x == X_BITS'(LAST_X))
                next_y <= (next_y == Y_BITS'(LAST_Y)) ? '0 : next_y + Y_BITS'(SH);
        end
    end

    for (genvar k = 0; k < KH; k++) begin : tap
        assign real_taps[k] = row[k] ? column : '0;
    end

endmodule
