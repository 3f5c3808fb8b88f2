// Sums, in each of ROWS rows, the products of a beat's integers and the row's weights, but for a
// constant, pipelined. Each pair of a bit of the integers (a bit plane) and a bit of the weights is
// a binary product of its own; a popcount adds them all, each with the weight of its pair.
//
// Weights of one bit are ±1 (bit 1 is +1). Bit i of a data element, inverted if it is a sign, and
// the weight then count 2**i where they are equal. The count is the sum of products, plus
// 2**IN_BITS - 1 for each weight that is -1, plus 2**(IN_BITS - 1) times the sum of weights if the
// data are signed.
//
// Wider weights are two's complement. Bit i of the data and bit j of a weight count 2**(i + j) where
// both are 1. Where just one of the two is a sign, their product is negative: it counts where they
// are not both 1, which adds 2**(i + j) for each lane.

module plane_popcount #(
    parameter int ROWS      = 1,  // at least 1
    parameter int LANES     = 3,  // at least 1
    parameter int IN_BITS   = 1,  // width of the data, at least 1
    parameter int IN_SIGNED = 0,  // 1: the data are two's complement
    parameter int W_BITS    = 1,  // width of a weight, at least 1
    parameter int FLAGS     = 1,  // flag bits, delayed with the data, at least 1
    localparam int THREES   = (LANES + 2) / 3,
    localparam int BITS     = $clog2(3 * THREES * ((1 << IN_BITS) - 1) * ((1 << W_BITS) - 1) + 1)
) (
    input  logic                                    clk,
    input  logic                                    rst_n,  // synchronous, active low; for flags
    input  logic                                    en,     // pipeline enable
    input  logic [LANES-1:0][IN_BITS-1:0]           in_data,
    input  logic [LANES-1:0][ROWS-1:0][W_BITS-1:0]  in_weights,
    input  logic [FLAGS-1:0]                        in_flags,
    output logic [ROWS-1:0][BITS-1:0]               out_count,
    output logic [FLAGS-1:0]                        out_flags  // in_flags, aligned with out_count
);

    if (ROWS < 1) begin : check_rows
        $error("plane_popcount: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("plane_popcount: LANES = %0d, must be at least 1", LANES);
    end
    if (IN_BITS < 1) begin : check_in_bits
        $error("plane_popcount: IN_BITS = %0d, must be at least 1", IN_BITS);
    end
    if (W_BITS < 1) begin : check_w_bits
        $error("plane_popcount: W_BITS = %0d, must be at least 1", W_BITS);
    end

    // ---------------------------------------------------------------- columns

    // Pairs of bits before bit `data_bit` of the data whose products have the weight 2**column.
    function automatic int pairs_before(input int column, input int data_bit);
        int pairs;
        pairs = 0;
        for (int i = 0; i < data_bit; i++)
            if (i <= column && column - i < W_BITS) pairs = pairs + 1;
        return pairs;
    endfunction

    // A column has the ones of its own pairs, then the twos of the pairs of the column below.
    function automatic int height(input int column);
        return THREES * (pairs_before(column, IN_BITS) + pairs_before(column - 1, IN_BITS));
    endfunction

    function automatic int start_of(input int column);
        int sum;
        sum = 0;
        for (int c = 0; c < column; c++) sum = sum + height(c);
        return sum;
    endfunction

    function automatic logic [16*BITS-1:0] heights();
        logic [16*BITS-1:0] packed_heights;
        for (int c = 0; c < BITS; c++) packed_heights[16*c+:16] = 16'(height(c));
        return packed_heights;
    endfunction

    // ---------------------------------------------------------------- products

    localparam int N = start_of(IN_BITS + W_BITS);
    logic [N-1:0][ROWS-1:0] counts;
    for (genvar i = 0; i < IN_BITS; i++) begin : data_bit
        localparam int DATA_SIGN = (IN_SIGNED != 0 && i == IN_BITS - 1) ? 1 : 0;
        logic [LANES-1:0] bits;
        for (genvar l = 0; l < LANES; l++) begin : lane
            assign bits[l] = in_data[l][i] ^ (W_BITS == 1 && DATA_SIGN != 0);
        end
        for (genvar j = 0; j < W_BITS; j++) begin : weight_bit
            localparam int WEIGHT_SIGN = (W_BITS > 1 && j == W_BITS - 1) ? 1 : 0;
            localparam int PLACE       = THREES * pairs_before(i + j, i);
            localparam int ONES        = start_of(i + j) + PLACE;
            localparam int TWOS        =
                start_of(i + j + 1) + THREES * pairs_before(i + j + 1, IN_BITS) + PLACE;
            logic [LANES-1:0][ROWS-1:0] weights;
            for (genvar l = 0; l < LANES; l++) begin : lane
                for (genvar r = 0; r < ROWS; r++) begin : row
                    assign weights[l][r] = in_weights[l][r][j];
                end
            end
            bit_products #(
                .ROWS(ROWS), .LANES(LANES), .XNOR((W_BITS == 1) ? 1 : 0),
                .INVERT((W_BITS > 1 && DATA_SIGN != WEIGHT_SIGN) ? 1 : 0)
            ) products (
                .clk, .en, .in_bits(bits), .in_weights(weights),
                .ones(counts[ONES+:THREES]), .twos(counts[TWOS+:THREES])
            );
        end
    end

    logic [FLAGS-1:0] counts_flags;
    always_ff @(posedge clk) begin
        if (!rst_n) counts_flags <= '0;
        else if (en) counts_flags <= in_flags;
    end

    popcount #(
        .ROWS(ROWS), .N(N), .BITS(BITS), .HEIGHTS(heights()), .FLAGS(FLAGS)
    ) count (
        .clk, .rst_n, .en, .in_bits(counts), .in_flags(counts_flags), .out_count, .out_flags
    );

endmodule
