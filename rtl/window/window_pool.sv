// Window pool: reduces windows, whose pixels come one after the other, channel by channel: to their
// sum, or to the maximum, or to the minimum where the mask is 1. It takes one beat per cycle; the
// partial results wait in LUT-RAM, and the results leave while the window's last pixel comes in.
//
// in_ready depends on out_ready.

module window_pool #(
    parameter int PE       = 1,   // channels of a beat
    parameter int WORDS    = 1,   // beats of a pixel
    parameter int TAPS     = 4,   // pixels of a window
    parameter int IN_BITS  = 8,   // of a channel
    parameter int IN_KIND  = 0,   // of element_value
    parameter int OUT_BITS = 10,  // of a result: of a sum, enough for TAPS of them; else IN_BITS
    parameter     MASK_FILE = ""  // for $readmemh: WORDS words of PE bits, 1 = minimum; "": sums
) (
    input  logic                        clk,
    input  logic                        rst_n,      // synchronous, active low

    input  logic [PE-1:0][IN_BITS-1:0]  in_data,    // PE channels of a window's pixel
    input  logic                        in_valid,
    output logic                        in_ready,

    output logic [PE-1:0][OUT_BITS-1:0] out_data,   // PE channels of a window
    output logic                        out_valid,
    input  logic                        out_ready
);

    localparam bit SUMS = MASK_FILE == "";

    if (PE < 1) begin : check_pe
        $error("window_pool: PE = %0d, must be at least 1", PE);
    end
    if (WORDS < 1) begin : check_words
        $error("window_pool: WORDS = %0d, must be at least 1", WORDS);
    end
    if (TAPS < 1) begin : check_taps
        $error("window_pool: TAPS = %0d, must be at least 1", TAPS);
    end
    if (!SUMS && IN_KIND == 0 && IN_BITS == 1) begin : check_kind
        $error("window_pool: IN_BITS = %0d, must be at least 2 for IN_KIND = 0", IN_BITS);
    end
    if (!SUMS && OUT_BITS != IN_BITS) begin : check_bits
        $error("window_pool: OUT_BITS = %0d, must be IN_BITS = %0d without sums", OUT_BITS, IN_BITS);
    end

    localparam int WORD_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam int TAP_BITS  = TAPS > 1 ? $clog2(TAPS) : 1;

    logic [WORD_BITS-1:0] word;  // beat within the pixel
    logic [TAP_BITS-1:0]  tap;   // pixel within the window
    logic                 take, pixel_ends, completes;
    // The initial value keeps Yosys from merging this register into the memory.
    initial word = '0;

    assign in_ready   = out_ready || !out_valid;
    assign take       = in_valid && in_ready;
    assign pixel_ends = take && word == WORD_BITS'(WORDS - 1);
    assign completes  = tap == TAP_BITS'(TAPS - 1);

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            word      <= '0;
            tap       <= '0;
            out_valid <= 1'b0;
        end else begin
            if (take) word <= pixel_ends ? '0 : word + 1'b1;
            if (pixel_ends) tap <= completes ? '0 : tap + 1'b1;
            if (take) out_valid <= completes;
            else if (out_ready) out_valid <= 1'b0;
        end
    end

    // The output register also holds what is written to the memory: one beat of results needs no
    // memory.
    logic [PE-1:0][OUT_BITS-1:0] so_far, results;
    if (WORDS == 1) begin : one_beat
        assign so_far = out_data;
    end else begin : several_beats
        // Read and written in the same cycle, so the next beat may have the same channels.
        one_port_ram #(.WIDTH(PE * OUT_BITS), .DEPTH(WORDS)) memory (
            .clk, .address(word), .held(so_far), .write(take), .data(results)
        );
    end

    if (SUMS) begin : sums
        for (genvar r = 0; r < PE; r++) begin : lane
            logic [OUT_BITS-1:0] value;
            element_value #(.BITS(IN_BITS), .KIND(IN_KIND), .WIDTH(OUT_BITS)) decode (
                .element(in_data[r]), .value
            );
            assign results[r] = value + (tap == '0 ? '0 : so_far[r]);
        end
    end else begin : extremes
        logic [PE-1:0] masks[WORDS];
        initial $readmemh(MASK_FILE, masks);
        for (genvar r = 0; r < PE; r++) begin : lane
            logic [IN_BITS-1:0] extreme;
            if (IN_BITS == 1) begin : of_bits
                assign extreme = masks[word][r] ? so_far[r] & in_data[r] : so_far[r] | in_data[r];
            end else begin : of_numbers
                logic above;  // the new element is larger than those before
                if (IN_KIND == 0) begin : of_integers
                    assign above = signed'(in_data[r]) > signed'(so_far[r]);
                end else begin : of_counts
                    assign above = in_data[r] > so_far[r];
                end
                assign extreme = above != masks[word][r] ? in_data[r] : so_far[r];
            end
            assign results[r] = tap == '0 ? in_data[r] : extreme;
        end
    end
    always_ff @(posedge clk) if (take) out_data <= results;

endmodule
