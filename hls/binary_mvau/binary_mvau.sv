// Binary matrix-vector unit: PE rows of SIMD lanes compare a beat of the vector with the weights;
// a popcount adds up the matches, an accumulator adds up the beats. Bit 1 is +1, bit 0 is -1.
//
// The sum of products is 2 matches - MW. In a convolution with zero padding a padded tap must
// add 0 to it, though it comes as bits: the popcount of each GROUP of lanes, which lie within
// one tap, gives GROUP / 2 matches while its tap is padded. If GROUP is odd, the accumulator
// counts half matches.
//
// Everything moves or stands still together; it stands still only while an output is not taken.

module binary_mvau #(
    parameter int MW         = 18,  // elements of the vector
    parameter int MH         = 4,   // outputs
    parameter int SIMD       = 6,   // elements of an input beat; divides MW
    parameter int PE         = 2,   // elements of an output beat; divides MH
    parameter int THRESHOLDS = 1,   // 1: bits leave, 0: accumulators
    parameter int ACC_BITS   = 6,   // of an accumulator, enough for its range
    parameter int BORDER     = 0,   // 1: some taps are padding at some positions
    parameter int GROUP      = 6,   // lanes in one tap; divides SIMD, and the channels if BORDER
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
    parameter int BLOCK_RAM  = 0,   // 1: the weights are in block RAM, 0: in LUTs
    parameter     WEIGHTS    = "",  // for $readmemh: at pass * beats + beat, bit lane * PE + row
    parameter     INITS      = "",  // for $readmemh: what PE accumulators start from, each pass
    localparam int OUT_BITS  = (THRESHOLDS != 0) ? 1 : ACC_BITS
) (
    input  logic                   clk,
    input  logic                   rst_n,      // synchronous, active low

    input  logic [SIMD-1:0]        in_data,    // beats of the vector
    input  logic                   in_valid,
    output logic                   in_ready,

    output logic [PE*OUT_BITS-1:0] out_data,   // outputs pass * PE and on
    output logic                   out_valid,
    input  logic                   out_ready
);

    if (SIMD < 1 || MW % SIMD != 0) begin : check_simd
        $error("binary_mvau: SIMD = %0d, must divide MW = %0d", SIMD, MW);
    end
    if (PE < 1 || MH % PE != 0) begin : check_pe
        $error("binary_mvau: PE = %0d, must divide MH = %0d", PE, MH);
    end
    if (GROUP < 1 || SIMD % GROUP != 0 || (BORDER != 0 && MW / (KH * KW) % GROUP != 0))
    begin : check_group
        $error("binary_mvau: GROUP = %0d, must divide SIMD = %0d and the channels", GROUP, SIMD);
    end

    localparam int BEATS    = MW / SIMD;
    localparam int PASSES   = MH / PE;
    localparam int DEPTH    = BEATS * PASSES;
    localparam int GROUPS   = SIMD / GROUP;
    localparam int CHANNELS = MW / (KH * KW);
    localparam int HALVES   = (BORDER != 0 && GROUP % 2 == 1) ? 1 : 0;
    localparam int BEAT_BITS  = (BEATS == 1) ? 1 : $clog2(BEATS);

    logic move;
    assign move = !out_valid || out_ready;

    // ---------------------------------------------------------------- bits and weights

    logic [BEAT_BITS-1:0]    next_beat;
    logic                    next_vector_end;
    logic [SIMD-1:0]         bits;
    logic [SIMD-1:0][PE-1:0] weights;
    logic [2:0]              flags;  // valid, first, last
    mvau_feed #(
        .W(SIMD), .BEATS(BEATS), .PASSES(PASSES), .W_WIDTH(SIMD * PE),
        .BLOCK_RAM(BLOCK_RAM), .WEIGHTS(WEIGHTS)
    ) feed (
        .clk, .rst_n, .in_data, .in_valid, .in_ready, .en(move), .next_beat, .next_vector_end,
        .data(bits), .weights, .valid(flags[2]), .first(flags[1]), .last(flags[0])
    );

    logic [GROUPS-1:0] padded;  // the group's tap
    if (BORDER != 0) begin : border
        localparam int TAP_BITS = (KH * KW == 1) ? 1 : $clog2(KH * KW);
        logic [KH*KW-1:0] real_taps;
        border_taps #(
            .KH(KH), .KW(KW), .SH(SH), .SW(SW), .PAD_H(PAD_H), .PAD_W(PAD_W),
            .IH(IH), .IW(IW), .OH(OH), .OW(OW)
        ) position (
            .clk, .rst_n, .step(move && next_vector_end), .real_taps
        );

        for (genvar g = 0; g < GROUPS; g++) begin : group
            logic [BEATS-1:0][TAP_BITS-1:0] taps;  // constants: the group's tap in each beat
            for (genvar b = 0; b < BEATS; b++) begin : at
                assign taps[b] = TAP_BITS'((b * SIMD + g * GROUP) / CHANNELS);
            end
            always_ff @(posedge clk) if (move) padded[g] <= !real_taps[taps[next_beat]];
        end
    end else begin : no_border
        assign padded = '0;
    end

    // ---------------------------------------------------------------- matches

    // Weights of up to 8 words fit the LUTs that compare and count three lanes, and of up to 16
    // words two of these; of up to 32 words they fit the LUT that compares one lane and does
    // nothing else. All others are compared and counted as they come.
    localparam int SEPARATE   = (BLOCK_RAM == 0 && DEPTH > 16 && DEPTH <= 32) ? 1 : 0;
    localparam int THREES     = (GROUP + 2) / 3;
    localparam int COUNT_BITS =
        ((SEPARATE != 0) ? $clog2(GROUP + 1) : $clog2(3 * THREES + 1)) + HALVES;
    localparam int FIXED      = (GROUP << HALVES) / 2;

    // A row of the popcount is a group's lanes in a row of the unit.
    logic [GROUP-1:0][GROUPS-1:0]         group_bits;
    logic [GROUP-1:0][GROUPS-1:0][PE-1:0] group_weights;
    for (genvar i = 0; i < GROUP; i++) begin : lane
        for (genvar g = 0; g < GROUPS; g++) begin : group
            assign group_bits[i][g]    = bits[g*GROUP+i];
            assign group_weights[i][g] = weights[g*GROUP+i];
        end
    end

    logic [GROUPS-1:0][PE-1:0][COUNT_BITS-1:0] counts;  // matches or half matches
    logic [2:0]                                counts_flags;
    if (SEPARATE != 0) begin : separate
        logic [GROUP-1:0][GROUPS-1:0][PE-1:0] equal;
        logic [GROUPS-1:0] equal_padded;
        logic [2:0]        equal_flags;
        for (genvar i = 0; i < GROUP; i++) begin : lane
            for (genvar g = 0; g < GROUPS; g++) begin : group
                always_ff @(posedge clk)
                    if (move) equal[i][g] <= group_weights[i][g] ~^ {PE{group_bits[i][g]}};
            end
        end
        always_ff @(posedge clk) begin
            if (move) equal_padded <= padded;
            if (!rst_n) equal_flags <= '0;
            else if (move) equal_flags <= flags;
        end
        popcount #(
            .ROWS(GROUPS * PE), .ONES(GROUP), .SETS(GROUPS), .SHIFT(HALVES), .FIXED(FIXED),
            .FLAGS(3)
        ) count (
            .clk, .rst_n, .en(move), .in_bits(equal), .in_fixed(equal_padded),
            .in_flags(equal_flags), .out_count(counts), .out_flags(counts_flags)
        );
    end else begin : absorbed
        xnor_popcount #(
            .ROWS(GROUPS * PE), .LANES(GROUP), .SETS(GROUPS), .SHIFT(HALVES), .FIXED(FIXED),
            .FLAGS(3)
        ) count (
            .clk, .rst_n, .en(move), .in_bits(group_bits), .in_weights(group_weights),
            .in_fixed(padded), .in_flags(flags), .out_count(counts), .out_flags(counts_flags)
        );
    end

    // ---------------------------------------------------------------- sums

    localparam int TERM_BITS = COUNT_BITS + 1;  // with a sign
    localparam int SUM_BITS  = TERM_BITS + $clog2(GROUPS);
    logic [GROUPS-1:0][PE-1:0][TERM_BITS-1:0] terms;
    for (genvar g = 0; g < GROUPS; g++) begin : group
        for (genvar r = 0; r < PE; r++) begin : row
            assign terms[g][r] = {1'b0, counts[g][r]};
        end
    end
    logic [PE-1:0][SUM_BITS-1:0] sums;
    logic [2:0] sum_flags;
    if (GROUPS == 1) begin : one_group
        assign sums      = terms[0];
        assign sum_flags = counts_flags;
    end else begin : several_groups
        adder_tree #(.ROWS(PE), .N(GROUPS), .W(TERM_BITS), .FLAGS(3)) sum (
            .clk, .rst_n, .en(move), .in_data(terms), .in_flags(counts_flags),
            .out_sum(sums), .out_flags(sum_flags)
        );
    end

    // Accumulators leave as sums of products, so a match counts 2.
    localparam int SHIFT = (THRESHOLDS == 0 && HALVES == 0) ? 1 : 0;
    localparam int WIDE  = SUM_BITS + SHIFT;
    localparam int STEP_BITS = (WIDE < ACC_BITS) ? WIDE : ACC_BITS;
    logic [PE-1:0][STEP_BITS-1:0] steps;
    for (genvar r = 0; r < PE; r++) begin : step
        assign steps[r] = STEP_BITS'(WIDE'(sums[r]) << SHIFT);
    end

    mvau_accumulate #(
        .ROWS(PE), .W(STEP_BITS), .ACC_BITS(ACC_BITS), .PASSES(PASSES),
        .THRESHOLDS(THRESHOLDS), .INITS(INITS)
    ) accumulate (
        .clk, .rst_n, .en(move), .in_data(steps),
        .in_valid(sum_flags[2]), .in_first(sum_flags[1]), .in_last(sum_flags[0]),
        .out_data, .out_valid
    );

endmodule
