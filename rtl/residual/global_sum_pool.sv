// Global sum pool: sums each channel over all pixels of an image. It takes one beat per cycle; the
// partial sums wait in LUT-RAM, and the results leave while the last pixel comes in.
//
// in_ready depends on out_ready.

module global_sum_pool #(
    parameter int PE       = 1,   // channels of a beat
    parameter int WORDS    = 1,   // beats of a pixel
    parameter int PIXELS   = 4,   // of an image
    parameter int IN_BITS  = 8,   // of a channel
    parameter int IN_KIND  = 0,   // 0: channels are two's complement, 1: unsigned, 2: bits, ±1
    parameter int OUT_BITS = 10   // of a sum, enough for PIXELS of them
) (
    input  logic                        clk,
    input  logic                        rst_n,      // synchronous, active low

    input  logic [PE-1:0][IN_BITS-1:0]  in_data,
    input  logic                        in_valid,
    output logic                        in_ready,

    output logic [PE-1:0][OUT_BITS-1:0] out_data,   // two's complement
    output logic                        out_valid,
    input  logic                        out_ready
);

    if (PE < 1) begin : check_pe
        $error("global_sum_pool: PE = %0d, must be at least 1", PE);
    end
    if (WORDS < 1) begin : check_words
        $error("global_sum_pool: WORDS = %0d, must be at least 1", WORDS);
    end
    if (PIXELS < 1) begin : check_pixels
        $error("global_sum_pool: PIXELS = %0d, must be at least 1", PIXELS);
    end
    if (IN_BITS < 1) begin : check_in_bits
        $error("global_sum_pool: IN_BITS = %0d, must be at least 1", IN_BITS);
    end
    // A two's complement number is at least -FARTHEST; any other is at most FARTHEST.
    localparam longint FARTHEST = (IN_KIND == 2) ? 1
        : (IN_KIND == 1) ? (longint'(1) << IN_BITS) - 1 : longint'(1) << (IN_BITS - 1);
    localparam int LEAST_BITS = 1 + $clog2(PIXELS * FARTHEST + ((IN_KIND == 0) ? 0 : 1));
    if (OUT_BITS < LEAST_BITS) begin : check_out_bits
        $error("global_sum_pool: OUT_BITS = %0d, must be at least %0d", OUT_BITS, LEAST_BITS);
    end

    localparam int WORD_BITS  = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam int PIXEL_BITS = PIXELS > 1 ? $clog2(PIXELS) : 1;

    logic [WORD_BITS-1:0]  word;   // beat within the pixel
    logic [PIXEL_BITS-1:0] pixel;
    logic                  take, pixel_ends, completes;
    // The initial value keeps Yosys from merging this register into the memory.
    initial word = '0;

    assign in_ready   = out_ready || !out_valid;
    assign take       = in_valid && in_ready;
    assign pixel_ends = take && word == WORD_BITS'(WORDS - 1);
    assign completes  = pixel == PIXEL_BITS'(PIXELS - 1);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            word      <= '0;
            pixel     <= '0;
            out_valid <= 1'b0;
        end else begin
            if (take) word <= pixel_ends ? '0 : word + 1'b1;
            if (pixel_ends) pixel <= completes ? '0 : pixel + 1'b1;
            if (take) out_valid <= completes;
            else if (out_ready) out_valid <= 1'b0;
        end
    end

    // The output register also holds what is written to the memory: one beat of sums needs no
    // memory.
    logic [PE-1:0][OUT_BITS-1:0] so_far, sums;
    if (WORDS == 1) begin : one_beat
        assign so_far = out_data;
    end else begin : several_beats
        // Read and written in the same cycle, so the next beat may have the same channels.
        one_port_ram #(.WIDTH(PE * OUT_BITS), .DEPTH(WORDS)) memory (
            .clk, .address(word), .held(so_far), .write(take), .data(sums)
        );
    end
    for (genvar r = 0; r < PE; r++) begin : lane
        logic [OUT_BITS-1:0] added;
        element_value #(.BITS(IN_BITS), .KIND(IN_KIND), .WIDTH(OUT_BITS)) widened (
            .element(in_data[r]), .value(added)
        );
        assign sums[r] = added + (pixel == '0 ? '0 : so_far[r]);
    end
    always_ff @(posedge clk) if (take) out_data <= sums;

endmodule
