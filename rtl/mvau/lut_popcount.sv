// Counts, in each of ROWS rows, the lanes whose bits equal the row's weights, pipelined. The weights
// are constants of few words: the LUTs that compare hold them.

module lut_popcount #(
    parameter int ROWS   = 2,  // at least 1
    parameter int LANES  = 3,  // at least 1
    parameter int DEPTH  = 2,  // words of weights, 1 to 16; up to 4 if THREES
    parameter int THREES = 0,  // 1: these LUTs count three lanes, 0: they compare one
    parameter int FLAGS  = 1,  // flag bits, delayed with the data, at least 1
    parameter     WEIGHTS = "", // the words, for $readmemh: bit lane * ROWS + row
    localparam int GROUP      = (THREES != 0) ? 3 : 1,
    localparam int GROUPS     = (LANES + GROUP - 1) / GROUP,
    localparam int BITS       = $clog2(GROUP * GROUPS + 1),
    localparam int DEPTH_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH)
) (
    input  logic                       clk,
    input  logic                       rst_n,    // synchronous, active low; for flags
    input  logic                       en,       // pipeline enable
    input  logic [LANES-1:0]           in_data,
    input  logic [DEPTH_BITS-1:0]      in_word,  // of the weights
    input  logic [FLAGS-1:0]           in_flags,
    output logic [ROWS-1:0][BITS-1:0]  out_count,
    output logic [FLAGS-1:0]           out_flags // in_flags, aligned with out_count
);

    localparam int HEIGHTS = (THREES != 0) ? (GROUPS << 16) | GROUPS : GROUPS;
    localparam int N       = (THREES != 0) ? 2 * GROUPS : GROUPS;
    logic [N-1:0][ROWS-1:0] now, counts;
    if (THREES != 0) begin : count_threes
        three_counts #(.ROWS(ROWS), .LANES(LANES), .DEPTH(DEPTH), .FILE(WEIGHTS)) threes (
            .address(in_word), .in_bits(in_data), .ones(now[0+:GROUPS]), .twos(now[GROUPS+:GROUPS])
        );
    end else begin : compare_lanes
        lane_products #(.ROWS(ROWS), .LANES(LANES), .DEPTH(DEPTH), .FILE(WEIGHTS)) lanes (
            .address(in_word), .in_bits(in_data), .products(now)
        );
    end

    logic [FLAGS-1:0] counts_flags;
    always_ff @(posedge clk) begin
        if (en) counts <= now;
        if (!rst_n) counts_flags <= '0;
        else if (en) counts_flags <= in_flags;
    end

    popcount #(
        .ROWS(ROWS), .N(N), .BITS(BITS), .HEIGHTS((16*BITS)'(HEIGHTS)), .FLAGS(FLAGS)
    ) count (
        .clk, .rst_n, .en, .in_bits(counts), .in_flags(counts_flags), .out_count, .out_flags
    );

endmodule
