// Integer matrix-vector unit: PE rows of SIMD lanes multiply an input beat by the weights and sum
// the products, an accumulator sums the beats. A one-bit input switches its weight on or off
// instead. The accumulators' initial values correct for a zero point, for bits that mean ±1 and for
// the constants of plane_popcount and double_products.
//
// The whole pipeline advances together; it stalls only while an output beat is not taken.

module int_mvau #(
    parameter int MW         = 9,   // elements of the vector
    parameter int MH         = 4,   // outputs
    parameter int SIMD       = 3,   // elements of an input beat; divides MW
    parameter int PE         = 2,   // elements of an output beat; divides MH
    parameter int IN_BITS    = 8,   // width of an input; 1 means ±1
    parameter int IN_SIGNED  = 0,   // 1: inputs are two's complement
    parameter int W_BITS     = 8,   // width of a weight, two's complement; 1 means ±1
    parameter int PLANES     = 0,   // 1: count the products of single bits; 0: multiply, then add
    parameter int DOUBLE     = 0,   // 1: a DSP block multiplies by the weights of two rows, see
                                    // double_products: the initial values correct for its 65537s
    parameter int THRESHOLDS = 1,   // 1: output bits, 0: output accumulators
    parameter int ACC_BITS   = 22,  // width of an accumulator, enough for its range
    parameter int BLOCK_RAM  = 0,   // 1: the weights are in block RAM, 0: in LUTs
    parameter int INITS_BLOCK_RAM = 0,  // likewise for the accumulators' initial values
    parameter     WEIGHTS    = "",  // for $readmemh: word pass * beats + beat, lane * PE + row
    parameter     INITS      = "",  // for $readmemh: initial values of PE accumulators, see
                                    // mvau_accumulate
    localparam int OUT_BITS  = (THRESHOLDS != 0) ? 1 : ACC_BITS
) (
    input  logic                    clk,
    input  logic                    rst_n,      // synchronous, active low

    input  logic [SIMD*IN_BITS-1:0] in_data,    // beats of the vector
    input  logic                    in_valid,
    output logic                    in_ready,

    output logic [PE*OUT_BITS-1:0]  out_data,   // PE outputs, from pass * PE on
    output logic                    out_valid,
    input  logic                    out_ready
);

    if (SIMD < 1 || MW % SIMD != 0) begin : check_simd
        $error("int_mvau: SIMD = %0d, must divide MW = %0d", SIMD, MW);
    end
    if (PE < 1 || MH % PE != 0) begin : check_pe
        $error("int_mvau: PE = %0d, must divide MH = %0d", PE, MH);
    end

    if (W_BITS == 1 && PLANES == 0) begin : check_planes
        $error("int_mvau: PLANES = %0d, must be 1 for W_BITS = 1", PLANES);
    end

    if (DOUBLE != 0 && (PE % 2 != 0 || SIMD < 3)) begin : check_double
        $error("int_mvau: DOUBLE = %0d, must be 0 for PE = %0d and SIMD = %0d", DOUBLE, PE, SIMD);
    end

    localparam int BEATS  = MW / SIMD;
    localparam int PASSES = MH / PE;

    logic move;
    assign move = !out_valid || out_ready;

    // ---------------------------------------------------------------- inputs and weights

    logic [SIMD-1:0][IN_BITS-1:0]        inputs;
    logic [SIMD-1:0][PE-1:0][W_BITS-1:0] weights;
    logic [2:0]                          flags;  // valid, first, last
    mvau_feed #(
        .W(SIMD * IN_BITS), .BEATS(BEATS), .PASSES(PASSES), .W_WIDTH(SIMD * PE * W_BITS),
        .BLOCK_RAM(BLOCK_RAM), .WEIGHTS(WEIGHTS)
    ) feed (
        .clk, .rst_n, .in_data, .in_valid, .in_ready, .en(move),
        .data(inputs), .weights, .valid(flags[2]), .first(flags[1]), .last(flags[0])
    );

    // ---------------------------------------------------------------- products

    // Accumulators are output as sums of products with ±1, where a weight switched on counts 2.
    localparam int SHIFT       = (THRESHOLDS == 0 && IN_BITS == 1) ? 1 : 0;
    localparam int LANES       = (PLANES != 0) ? 3 * ((SIMD + 2) / 3) : SIMD;
    localparam int PRODUCT     = ((1 << IN_BITS) - 1) * ((1 << W_BITS) - 1);
    localparam int COUNT_BITS  = $clog2(LANES * PRODUCT + 1);
    localparam int TERM_BITS   = (IN_BITS == 1) ? W_BITS : IN_BITS + W_BITS;
    localparam int PAIRS       = (SIMD + 1) / 2;
    localparam int SUM_BITS    = (PLANES != 0) ? COUNT_BITS + 1
        : (DOUBLE != 0) ? 18 + $clog2(PAIRS) : TERM_BITS + $clog2(SIMD);
    logic [PE-1:0][SUM_BITS-1:0] sums;  // two's complement
    logic [2:0]                  sum_flags;
    if (PLANES != 0) begin : planes
        logic [PE-1:0][COUNT_BITS-1:0] counts;
        plane_popcount #(
            .ROWS(PE), .LANES(SIMD), .IN_BITS(IN_BITS), .IN_SIGNED(IN_SIGNED), .W_BITS(W_BITS),
            .FLAGS(3)
        ) count (
            .clk, .rst_n, .en(move), .in_data(inputs), .in_weights(weights), .in_flags(flags),
            .out_count(counts), .out_flags(sum_flags)
        );
        for (genvar r = 0; r < PE; r++) begin : row
            assign sums[r] = {1'b0, counts[r]};
        end
    end else if (DOUBLE != 0) begin : doubled
        localparam int HIGH = IN_BITS + W_BITS + 1;
        localparam int ROWS = PE / 2;
        logic [PAIRS-1:0][ROWS-1:0][HIGH-1:0] high;
        logic [PAIRS-1:0][ROWS-1:0][17:0]     low;
        for (genvar i = 0; i < PAIRS; i++) begin : pair
            localparam int INPUTS = (2 * i + 1 < SIMD) ? 2 : 1;
            for (genvar r = 0; r < ROWS; r++) begin : rows
                logic [INPUTS-1:0][IN_BITS:0]       factors;
                logic [INPUTS-1:0][1:0][W_BITS-1:0] both;
                for (genvar j = 0; j < INPUTS; j++) begin : lane
                    assign factors[j] = {
                        (IN_SIGNED != 0) && inputs[2*i+j][IN_BITS-1], inputs[2*i+j]};
                    assign both[j]    = weights[2*i+j][2*r+:2];
                end
                double_products #(
                    .INPUTS(INPUTS), .IN_BITS(IN_BITS), .W_BITS(W_BITS)
                ) products (
                    .clk, .rst_n, .en(move), .in_data(factors), .in_weights(both),
                    .high(high[i][r]), .low(low[i][r][16:0])
                );
                assign low[i][r][17] = 1'b0;
            end
        end

        logic [1:0][2:0] pair_flags;
        always_ff @(posedge clk) begin
            if (!rst_n) pair_flags <= '0;
            else if (move) pair_flags <= {pair_flags[0], flags};
        end
        logic [ROWS-1:0][HIGH+$clog2(PAIRS)-1:0] high_sums;
        logic [ROWS-1:0][18+$clog2(PAIRS)-1:0]   low_sums;
        adder_tree #(.ROWS(ROWS), .N(PAIRS), .W(HIGH), .FLAGS(3)) sum_high (
            .clk, .rst_n, .en(move), .in_data(high), .in_flags(pair_flags[1]),
            .out_sum(high_sums), .out_flags(sum_flags)
        );
        adder_tree #(.ROWS(ROWS), .N(PAIRS), .W(18), .FLAGS(1)) sum_low (
            .clk, .rst_n, .en(move), .in_data(low), .in_flags('0), .out_sum(low_sums), .out_flags()
        );
        for (genvar r = 0; r < ROWS; r++) begin : row
            assign sums[2*r]   = low_sums[r];
            assign sums[2*r+1] = SUM_BITS'(signed'(high_sums[r]));
        end
    end else begin : multiplied
        logic [SIMD-1:0][PE-1:0][TERM_BITS-1:0] terms;
        logic [2:0] term_flags;
        always_ff @(posedge clk) begin
            if (!rst_n) term_flags <= '0;
            else if (move) term_flags <= flags;
        end
        for (genvar i = 0; i < SIMD; i++) begin : lane
            for (genvar r = 0; r < PE; r++) begin : row
                if (IN_BITS == 1) begin : switched
                    always_ff @(posedge clk)
                        if (move) terms[i][r] <= inputs[i] ? weights[i][r] : '0;
                end else begin : integer_input
                    logic signed [IN_BITS:0] factor;
                    logic signed [TERM_BITS-1:0] product;
                    assign factor  = {(IN_SIGNED != 0) && inputs[i][IN_BITS-1], inputs[i]};
                    assign product = factor * signed'(weights[i][r]);
                    always_ff @(posedge clk) if (move) terms[i][r] <= product;
                end
            end
        end
        if (SIMD == 1) begin : one_lane
            assign sums      = terms[0];
            assign sum_flags = term_flags;
        end else begin : several_lanes
            adder_tree #(.ROWS(PE), .N(SIMD), .W(TERM_BITS), .FLAGS(3)) sum (
                .clk, .rst_n, .en(move), .in_data(terms), .in_flags(term_flags),
                .out_sum(sums), .out_flags(sum_flags)
            );
        end
    end

    localparam int WIDE      = SUM_BITS + SHIFT;
    localparam int STEP_BITS = (WIDE < ACC_BITS) ? WIDE : ACC_BITS;
    logic [PE-1:0][STEP_BITS-1:0] steps;
    for (genvar r = 0; r < PE; r++) begin : step
        assign steps[r] = STEP_BITS'(WIDE'(sums[r]) << SHIFT);
    end

    mvau_accumulate #(
        .ROWS(PE), .W(STEP_BITS), .ACC_BITS(ACC_BITS), .BEATS(BEATS), .PASSES(PASSES),
        .THRESHOLDS(THRESHOLDS), .BLOCK_RAM(INITS_BLOCK_RAM), .INITS(INITS)
    ) accumulate (
        .clk, .rst_n, .en(move), .in_data(steps), .in_valid(sum_flags[2]),
        .in_first(sum_flags[1]), .in_last(sum_flags[0]), .next_border('0), .vector_read(),
        .out_data, .out_valid
    );

endmodule
