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

    // The window's first row and column, counted from the padded image's.
    localparam int LAST_Y = (OH - 1) * SH;
    localparam int LAST_X = (OW - 1) * SW;
    localparam int Y_BITS = $clog2(LAST_Y + KH + IH + PAD_H + 1);
    localparam int X_BITS = $clog2(LAST_X + KW + IW + PAD_W + 1);
    logic [Y_BITS-1:0] y;
    logic [X_BITS-1:0] x;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            y <= '0;
            x <= '0;
        end else if (step) begin
            x <= (x == X_BITS'(LAST_X)) ? '0 : x + X_BITS'(SW);
            if (x == X_BITS'(LAST_X)) y <= (y == Y_BITS'(LAST_Y)) ? '0 : y + Y_BITS'(SH);
        end
    end

    logic [KH-1:0] real_row;
    logic [KW-1:0] real_column;
    for (genvar k = 0; k < KH; k++) begin : row
        logic [Y_BITS-1:0] at;
        assign at = y + Y_BITS'(k);
        assign real_row[k] = at >= Y_BITS'(PAD_H) && at < Y_BITS'(IH + PAD_H);
    end
    for (genvar k = 0; k < KW; k++) begin : column
        logic [X_BITS-1:0] at;
        assign at = x + X_BITS'(k);
        assign real_column[k] = at >= X_BITS'(PAD_W) && at < X_BITS'(IW + PAD_W);
    end
    for (genvar k = 0; k < KH; k++) begin : tap
        assign real_taps[k] = real_row[k] ? real_column : '0;
    end

endmodule
