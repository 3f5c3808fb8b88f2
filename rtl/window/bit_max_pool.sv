// Bit max-pool: the OR, or the AND where the mask is 1, of each channel over non-overlapping
// windows of KH x KW pixels. It takes one beat per cycle; the partial results of a row of windows
// wait in LUT-RAM. Rows and columns beyond the last whole window are dropped: they form windows
// that never complete.

module bit_max_pool #(
    parameter int PE = 1,     // channels of a beat
    parameter int WORDS = 1,  // beats of a pixel
    parameter int H_IN = 4,   // image, in pixels
    parameter int W_IN = 4,
    parameter int KH = 2,     // window and stride, in pixels
    parameter int KW = 2,
    parameter MASK_FILE = ""  // for $readmemh: WORDS words of PE bits, 1 = AND
) (
    input  logic          clk,
    input  logic          rst_n,      // synchronous, active low

    input  logic [PE-1:0] in_data,    // PE channels of a pixel
    input  logic          in_valid,
    output logic          in_ready,

    output logic [PE-1:0] out_data,   // PE channels of a window
    output logic          out_valid,
    input  logic          out_ready
);

    if (PE < 1) begin : check_pe
        $error("bit_max_pool: PE = %0d, must be at least 1", PE);
    end
    if (WORDS < 1) begin : check_words
        $error("bit_max_pool: WORDS = %0d, must be at least 1", WORDS);
    end
    if (KH < 1 || KH > H_IN) begin : check_kh
        $error("bit_max_pool: KH = %0d, must be 1 to H_IN = %0d", KH, H_IN);
    end
    if (KW < 1 || KW > W_IN) begin : check_kw
        $error("bit_max_pool: KW = %0d, must be 1 to W_IN = %0d", KW, W_IN);
    end

    localparam int WINDOWS = (W_IN + KW - 1) / KW;  // across, the incomplete one included
    localparam int DEPTH = WINDOWS * WORDS > 1 ? WINDOWS * WORDS : 2;
    localparam int LAST_X = (WINDOWS - 1) * WORDS;  // address of the last window
    localparam int LAST_KX = (W_IN - 1) % KW;       // and the last column within it
    localparam bit ROWS_LEFT = H_IN % KH != 0;      // some rows are in no whole window

    localparam int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam int ADDR_BITS = $clog2(DEPTH);
    localparam int KX_BITS = KW > 1 ? $clog2(KW) : 1;
    localparam int KY_BITS = KH > 1 ? $clog2(KH) : 1;
    localparam int Y_BITS = H_IN > 1 ? $clog2(H_IN) : 1;

    logic [WORD_BITS-1:0] word;  // beat within the pixel
    logic [ADDR_BITS-1:0] x;     // address of the window's first beat
    logic [KX_BITS-1:0]   kx;    // column within the window
    logic [KY_BITS-1:0]   ky;    // row within the window
    logic [Y_BITS-1:0]    y;     // row of the image

    logic take;                  // a beat is taken now
    logic pixel_ends, row_ends, window_row_ends;

    assign in_ready = out_ready || !out_valid;
    assign take = in_valid && in_ready;
    assign pixel_ends = take && word == WORD_BITS'(WORDS - 1);
    assign row_ends = pixel_ends && x == ADDR_BITS'(LAST_X) && kx == KX_BITS'(LAST_KX);
    assign window_row_ends = ky == KY_BITS'(KH - 1) || (ROWS_LEFT && y == Y_BITS'(H_IN - 1));

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            word <= '0;
            x    <= '0;
            kx   <= '0;
            ky   <= '0;
            y    <= '0;
        end else if (take) begin
            word <= pixel_ends ? '0 : word + 1'b1;
            if (row_ends) begin
                x  <= '0;
                kx <= '0;
                ky <= window_row_ends ? '0 : ky + 1'b1;
                y  <= y == Y_BITS'(H_IN - 1) ? '0 : y + 1'b1;
            end else if (pixel_ends) begin
                x  <= kx == KX_BITS'(KW - 1) ? x + ADDR_BITS'(WORDS) : x;
                kx <= kx == KX_BITS'(KW - 1) ? '0 : kx + 1'b1;
            end
        end
    end

    // One word of the mask per beat of a pixel.
    logic [PE-1:0] masks [0:WORDS-1];
    initial $readmemh(MASK_FILE, masks);

    // Read and written in the same cycle, so the next beat may belong to the same window.
    logic [ADDR_BITS-1:0] address;
    logic [PE-1:0]        mask, so_far, pooled;
    logic                 starts, completes;

    assign address = x + ADDR_BITS'(word);
    one_port_ram #(.WIDTH(PE), .DEPTH(DEPTH)) partial (
        .clk, .address, .held(so_far), .write(take), .data(pooled)
    );
    assign mask = masks[word];
    assign starts = kx == '0 && ky == '0;
    assign completes = kx == KX_BITS'(KW - 1) && ky == KY_BITS'(KH - 1);
    assign pooled = starts ? in_data : (mask & so_far & in_data) | (~mask & (so_far | in_data));

    always_ff @(posedge clk) if (take) out_data <= pooled;

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (take) out_valid <= completes;
        else if (out_ready) out_valid <= 1'b0;
    end

endmodule
