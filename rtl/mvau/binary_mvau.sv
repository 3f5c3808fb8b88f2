// Binary matrix-vector unit: PE rows of SIMD lanes compare an input beat with the weights; a
// popcount counts the matches of a beat, an accumulator sums the beats. Bit 1 is +1, bit 0 is -1.
// Instead of comparing, tables in block RAM may have the counts of small groups of lanes. A single
// word of weights in LUTs is part of the popcount.
//
// The sum of products is 2 matches - MW. In a convolution with zero padding, a padded tap must add
// 0 to it, but it arrives as bits that are all -1. What they add depends only on the output's
// position (its border class), so the accumulator's initial value cancels it.
//
// The whole pipeline advances together; it stalls only while an output beat is not taken.

module binary_mvau #(
    parameter int MW         = 18,  // elements of the vector
    parameter int MH         = 4,   // outputs
    parameter int SIMD       = 6,   // elements of an input beat; divides MW
    parameter int PE         = 2,   // elements of an output beat; divides MH
    parameter int THRESHOLDS = 1,   // 1: output bits, 0: output accumulators
    parameter int ACC_BITS   = 6,   // width of an accumulator, enough for its range
    parameter int KH         = 1,   // kernel, stride, padding at top and left, image and output
    parameter int KW         = 1,
    parameter int SH         = 1,
    parameter int SW         = 1,
    parameter int PAD_H      = 0,
    parameter int PAD_W      = 0,
    parameter int IH         = 1,
    parameter int IW         = 1,
    parameter int OH         = 1,
    parameter int OW         = 1,
    parameter int CLASSES    = 1,   // border classes, as border_class counts them
    parameter int BLOCK_RAM  = 0,   // 1: the weights are in block RAM, 0: in LUTs
    parameter int INITS_BLOCK_RAM = 0,  // likewise for the accumulators' initial values
    parameter int SEPARATE   = 0,   // 1: compare each lane by itself, then count the matches,
                                    // 0: compare and count three lanes in the same LUTs
    parameter int ABSORB     = 0,   // 0: as SEPARATE says. Otherwise the LUTs that compare this
                                    // many lanes, 1 or 3, hold the weights
    parameter int GROUP      = 0,   // 0: as above. Otherwise tables in block RAM count the matches
                                    // of this many lanes
    parameter     WEIGHTS    = "",  // for $readmemh: word pass * beats + beat, bit lane * PE + row;
                                    // with GROUP, the tables of table_popcount
    parameter     INITS      = "",  // for $readmemh: initial values of PE accumulators, see
                                    // mvau_accumulate
    localparam int OUT_BITS  = (THRESHOLDS != 0) ? 1 : ACC_BITS
) (
    input  logic                   clk,
    input  logic                   rst_n,      // synchronous, active low

    input  logic [SIMD-1:0]        in_data,    // beats of the vector
    input  logic                   in_valid,
    output logic                   in_ready,

    output logic [PE*OUT_BITS-1:0] out_data,   // PE outputs, from pass * PE on
    output logic                   out_valid,
    input  logic                   out_ready
);

    if (SIMD < 1 || MW % SIMD != 0) begin : check_simd
        $error("binary_mvau: SIMD = %0d, must divide MW = %0d", SIMD, MW);
    end
    if (PE < 1 || MH % PE != 0) begin : check_pe
        $error("binary_mvau: PE = %0d, must divide MH = %0d", PE, MH);
    end

    if (ABSORB != 0 && ABSORB != 1 && ABSORB != 3) begin : check_absorb
        $error("binary_mvau: ABSORB = %0d, must be 0, 1 or 3", ABSORB);
    end

    localparam int BEATS  = MW / SIMD;
    localparam int PASSES = MH / PE;

    logic move;
    assign move = !out_valid || out_ready;

    // ---------------------------------------------------------------- matches

    // A single word of weights in LUTs needs no memory.
    localparam bit CONSTANT = BEATS * PASSES == 1 && BLOCK_RAM == 0 && GROUP == 0;
    // The greatest count is that of all groups, each with all bits of its own count 1.
    localparam int LANES =
        (GROUP != 0) ? GROUP : (ABSORB != 0) ? ABSORB : (SEPARATE != 0) ? 1 : 3;
    localparam int MOST       = (1 << $clog2(LANES + 1)) - 1;
    localparam int GREATEST   = CONSTANT ? SIMD | 1 : MOST * ((SIMD + LANES - 1) / LANES);
    localparam int COUNT_BITS = $clog2(GREATEST + 1);

    logic [PE-1:0][COUNT_BITS-1:0] counts;
    logic [2:0]                    counts_flags;  // valid, first, last
    if (CONSTANT || GROUP != 0 || ABSORB != 0) begin : looked_up
        localparam int DEPTH_BITS = (BEATS * PASSES == 1) ? 1 : $clog2(BEATS * PASSES);
        logic [SIMD-1:0]       bits;
        logic [DEPTH_BITS-1:0] word;
        logic [2:0]            flags;
        mvau_beats #(.W(SIMD), .BEATS(BEATS), .PASSES(PASSES)) beats (
            .clk, .rst_n, .in_data, .in_valid, .in_ready, .en(move),
            .data(bits), .address(word), .valid(flags[2]), .first(flags[1]), .last(flags[0])
        );
        if (CONSTANT) begin : constant
            constant_popcount #(
                .ROWS(PE), .LANES(SIMD), .FLAGS(3), .WEIGHTS(WEIGHTS)
            ) count (
                .clk, .rst_n, .en(move), .in_data(bits), .in_flags(flags), .out_count(counts),
                .out_flags(counts_flags)
            );
            logic unused;
            assign unused = ^word;
        end else if (GROUP != 0) begin : tables
            table_popcount #(
                .ROWS(PE), .LANES(SIMD), .GROUP(GROUP), .DEPTH(BEATS * PASSES), .FLAGS(3),
                .TABLES(WEIGHTS)
            ) count (
                .clk, .rst_n, .en(move), .in_data(bits), .in_word(word), .in_flags(flags),
                .out_count(counts), .out_flags(counts_flags)
            );
        end else begin : absorbed
            lut_popcount #(
                .ROWS(PE), .LANES(SIMD), .DEPTH(BEATS * PASSES), .THREES((ABSORB == 3) ? 1 : 0),
                .FLAGS(3), .WEIGHTS(WEIGHTS)
            ) count (
                .clk, .rst_n, .en(move), .in_data(bits), .in_word(word), .in_flags(flags),
                .out_count(counts), .out_flags(counts_flags)
            );
        end
    end else begin : compared
        logic [SIMD-1:0]         bits;
        logic [SIMD-1:0][PE-1:0] weights;
        logic [2:0]              flags;
        mvau_feed #(
            .W(SIMD), .BEATS(BEATS), .PASSES(PASSES), .W_WIDTH(SIMD * PE),
            .BLOCK_RAM(BLOCK_RAM), .WEIGHTS(WEIGHTS)
        ) feed (
            .clk, .rst_n, .in_data, .in_valid, .in_ready, .en(move),
            .data(bits), .weights, .valid(flags[2]), .first(flags[1]), .last(flags[0])
        );
        if (SEPARATE != 0) begin : separate
            logic [SIMD-1:0][PE-1:0] bits_of_rows, equal;
            logic [2:0]              equal_flags;
            for (genvar i = 0; i < SIMD; i++) begin : lane
                assign bits_of_rows[i] = {PE{bits[i]}};
            end
            always_ff @(posedge clk) begin
                if (move) equal <= weights ~^ bits_of_rows;
                if (!rst_n) equal_flags <= '0;
                else if (move) equal_flags <= flags;
            end
            popcount #(
                .ROWS(PE), .N(SIMD), .BITS(COUNT_BITS), .HEIGHTS((16*COUNT_BITS)'(SIMD)), .FLAGS(3)
            ) count (
                .clk, .rst_n, .en(move), .in_bits(equal), .in_flags(equal_flags),
                .out_count(counts), .out_flags(counts_flags)
            );
        end else begin : threes
            plane_popcount #(.ROWS(PE), .LANES(SIMD), .FLAGS(3)) count (
                .clk, .rst_n, .en(move), .in_data(bits), .in_weights(weights), .in_flags(flags),
                .out_count(counts), .out_flags(counts_flags)
            );
        end
    end

    // ---------------------------------------------------------------- sums

    localparam int CLASS_BITS = (CLASSES == 1) ? 1 : $clog2(CLASSES);
    logic [CLASS_BITS-1:0] next_border;
    logic                  vector_read;
    if (CLASSES == 1) begin : no_border
        assign next_border = '0;
    end else begin : border
        border_class #(
            .KH(KH), .KW(KW), .SH(SH), .SW(SW), .PAD_H(PAD_H), .PAD_W(PAD_W),
            .IH(IH), .IW(IW), .OH(OH), .OW(OW), .CLASSES(CLASSES)
        ) position (
            .clk, .rst_n, .step(vector_read), .next_border
        );
    end

    // Counts are unsigned. Accumulators are output as sums of products, where a match counts 2.
    localparam int SHIFT     = (THRESHOLDS == 0) ? 1 : 0;
    localparam int WIDE      = COUNT_BITS + 1 + SHIFT;
    localparam int STEP_BITS = (WIDE < ACC_BITS) ? WIDE : ACC_BITS;
    logic [PE-1:0][STEP_BITS-1:0] steps;
    for (genvar r = 0; r < PE; r++) begin : step
        assign steps[r] = STEP_BITS'(WIDE'(counts[r]) << SHIFT);
    end

    localparam int COMPARE =
        (BEATS == 1 && PASSES == 1 && CLASSES == 1 && THRESHOLDS != 0) ? 1 : 0;
    mvau_accumulate #(
        .ROWS(PE), .W(STEP_BITS), .ACC_BITS(ACC_BITS), .BEATS(BEATS), .PASSES(PASSES),
        .CLASSES(CLASSES), .THRESHOLDS(THRESHOLDS), .COMPARE(COMPARE),
        .BLOCK_RAM(INITS_BLOCK_RAM), .INITS(INITS)
    ) accumulate (
        .clk, .rst_n, .en(move), .in_data(steps), .in_valid(counts_flags[2]),
        .in_first(counts_flags[1]), .in_last(counts_flags[0]), .next_border, .vector_read,
        .out_data, .out_valid
    );

endmodule
