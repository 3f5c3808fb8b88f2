// Requantiser: y = (x * m + b) >> SHIFT, saturated to OUT_BITS, with m and b for each channel.
// One beat per cycle.
//
// The whole pipeline advances together; it stalls only while an output beat is not taken, so
// in_ready depends on out_ready.

module requantise #(
    parameter int PE       = 1,   // channels of a beat
    parameter int WORDS    = 2,   // beats of a pixel
    parameter int IN_BITS  = 9,   // of x
    parameter int OUT_BITS = 8,   // of y
    parameter int OUT_SIGNED = 1, // 1: y is two's complement, 0: unsigned
    parameter int M_BITS   = 8,   // of m
    parameter int B_BITS   = 12,  // of b
    parameter int SUM_BITS = 18,  // of x * m + b
    parameter int SHIFT    = 6,   // below SUM_BITS
    parameter int DSP      = 0,   // 1: multiply in DSP blocks, 0: in LUTs
    parameter int BLOCK_RAM = 0,  // 1: the constants are in block RAM, 0: in LUTs
    parameter logic [WORDS*PE*M_BITS-1:0] M = '0,  // one per channel, the first channel lowest
    parameter logic [WORDS*PE*B_BITS-1:0] B = '0   // likewise
) (
    input  logic                         clk,
    input  logic                         rst_n,      // synchronous, active low

    input  logic [PE-1:0][IN_BITS-1:0]   in_data,    // x, two's complement
    input  logic                         in_valid,
    output logic                         in_ready,

    output logic [PE-1:0][OUT_BITS-1:0]  out_data,   // y
    output logic                         out_valid,
    input  logic                         out_ready
);

    if (SHIFT < 0 || SHIFT >= SUM_BITS) begin : check_shift
        $error("requantise: SHIFT = %0d, must be 0 to SUM_BITS - 1 = %0d", SHIFT, SUM_BITS - 1);
    end

    logic move;
    assign move     = !out_valid || out_ready;
    assign in_ready = move;

    logic [PE-1:0][SUM_BITS-1:0] sums;
    logic                        sums_valid;
    dyadic_lanes #(
        .PE(PE), .WORDS(WORDS), .IN_BITS(IN_BITS), .M_BITS(M_BITS), .B_BITS(B_BITS),
        .SUM_BITS(SUM_BITS), .DSP(DSP), .BLOCK_RAM(BLOCK_RAM), .M(M), .B(B)
    ) lanes (
        .clk, .rst_n, .en(move), .in_data, .in_valid, .out_sum(sums), .out_valid(sums_valid)
    );

    for (genvar r = 0; r < PE; r++) begin : lane
        logic [OUT_BITS-1:0] limited;
        saturate #(.IN(SUM_BITS - SHIFT), .OUT(OUT_BITS), .SIGNED(OUT_SIGNED)) limit (
            .in_data(sums[r][SUM_BITS-1:SHIFT]), .out_data(limited)
        );
        always_ff @(posedge clk) if (move) out_data[r] <= limited;
    end

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (move) out_valid <= sums_valid;
    end

endmodule
