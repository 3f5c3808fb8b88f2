// Residual join: y = (skip << SKIP_SHIFT) + ((x * m + b) >> SHIFT), saturated to OUT_BITS, with m
// and b for each channel. One beat of each input per cycle.
//
// A beat of skip is taken when it is added, so x may run ahead of it by as many beats as the
// multiplier has stages. A product whose beat of skip is missing waits, and so does all of x behind
// it; the adders go on. in0_ready depends on out_ready and in1_valid, in1_ready on out_ready.

module residual_join #(
    parameter int PE         = 1,   // channels of a beat
    parameter int WORDS      = 2,   // beats of a pixel
    parameter int IN_BITS    = 9,   // of x
    parameter int SKIP_BITS  = 8,   // of skip
    parameter int SKIP_KIND  = 0,   // 0: skip is two's complement, 1: unsigned, 2: bits, ±1
    parameter int OUT_BITS   = 8,   // of y
    parameter int OUT_SIGNED = 1,   // 1: y is two's complement, 0: unsigned
    parameter int M_BITS     = 8,   // of m
    parameter int B_BITS     = 12,  // of b
    parameter int SUM_BITS   = 18,  // of x * m + b
    parameter int SHIFT      = 6,   // below SUM_BITS
    parameter int SKIP_SHIFT = 0,   // at least 0
    parameter int DSP        = 0,   // 1: multiply in DSP blocks, 0: in LUTs
    parameter int BLOCK_RAM  = 0,   // 1: the constants are in block RAM, 0: in LUTs
    parameter logic [WORDS*PE*M_BITS-1:0] M = '0,  // one per channel, the first channel lowest
    parameter logic [WORDS*PE*B_BITS-1:0] B = '0   // likewise
) (
    input  logic                         clk,
    input  logic                         rst_n,      // synchronous, active low

    input  logic [PE-1:0][IN_BITS-1:0]   in0_data,   // x, two's complement
    input  logic                         in0_valid,
    output logic                         in0_ready,

    input  logic [PE-1:0][SKIP_BITS-1:0] in1_data,   // skip
    input  logic                         in1_valid,
    output logic                         in1_ready,

    output logic [PE-1:0][OUT_BITS-1:0]  out_data,   // y
    output logic                         out_valid,
    input  logic                         out_ready
);

    if (SHIFT < 0 || SHIFT >= SUM_BITS) begin : check_shift
        $error("residual_join: SHIFT = %0d, must be 0 to SUM_BITS - 1 = %0d", SHIFT, SUM_BITS - 1);
    end
    if (SKIP_SHIFT < 0) begin : check_skip_shift
        $error("residual_join: SKIP_SHIFT = %0d, must be at least 0", SKIP_SHIFT);
    end

    logic move, drain;  // the multiplier advances; the adders advance
    logic sums_valid;
    assign drain     = !out_valid || out_ready;
    assign move      = drain && (!sums_valid || in1_valid);
    assign in0_ready = move;
    assign in1_ready = drain && sums_valid;

    logic [PE-1:0][SUM_BITS-1:0] sums;
    dyadic_lanes #(
        .PE(PE), .WORDS(WORDS), .IN_BITS(IN_BITS), .M_BITS(M_BITS), .B_BITS(B_BITS),
        .SUM_BITS(SUM_BITS), .DSP(DSP), .BLOCK_RAM(BLOCK_RAM), .M(M), .B(B)
    ) lanes (
        .clk, .rst_n, .en(move), .in_data(in0_data), .in_valid(in0_valid),
        .out_sum(sums), .out_valid(sums_valid)
    );

    // Two's complement takes a bit more than an unsigned number, and two for ±1.
    localparam int WIDE     = SKIP_BITS + ((SKIP_KIND == 0) ? 0 : 1) + SKIP_SHIFT;
    localparam int TOTAL    = ((SUM_BITS - SHIFT > WIDE) ? SUM_BITS - SHIFT : WIDE) + 1;
    logic total_valid;

    for (genvar r = 0; r < PE; r++) begin : lane
        logic [TOTAL-1:0]    skip, total;
        logic [OUT_BITS-1:0] limited;
        element_value #(.BITS(SKIP_BITS), .KIND(SKIP_KIND), .WIDTH(TOTAL)) widened (
            .element(in1_data[r]), .value(skip)
        );
        always_ff @(posedge clk)
            if (drain) total <= (skip << SKIP_SHIFT) + TOTAL'(signed'(sums[r][SUM_BITS-1:SHIFT]));
        saturate #(.IN(TOTAL), .OUT(OUT_BITS), .SIGNED(OUT_SIGNED)) limit (
            .in_data(total), .out_data(limited)
        );
        always_ff @(posedge clk) if (drain) out_data[r] <= limited;
    end

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            total_valid <= 1'b0;
            out_valid   <= 1'b0;
        end else if (drain) begin
            total_valid <= sums_valid && in1_valid;
            out_valid   <= total_valid;
        end
    end

endmodule
