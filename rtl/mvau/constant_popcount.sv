// Counts, in each of ROWS rows, the lanes whose bits equal the row's weights, pipelined. There is a
// single word of weights: a row's products are the lanes' bits, some of them inverted.
//
// Full adders add three lanes at a time, then three of their sums, and so on until one bit is left.
// A sum is the parity of the lanes, which all rows share but for an inversion; so the next adders
// have bits with constant weights again. A carry is the majority of three lanes, some of them
// inverted: one of eight functions, whatever the number of rows. A popcount adds the carries of
// each row.

module constant_popcount #(
    parameter int ROWS    = 1,  // at least 1
    parameter int LANES   = 3,  // at least 1
    parameter int FLAGS   = 1,  // flag bits, delayed with the data, at least 1
    parameter     WEIGHTS = "", // the word, for $readmemh: bit lane * ROWS + row
    localparam int BITS   = $clog2((LANES | 1) + 1)
) (
    input  logic                       clk,
    input  logic                       rst_n,    // synchronous, active low; for flags
    input  logic                       en,       // pipeline enable
    input  logic [LANES-1:0]           in_data,
    input  logic [FLAGS-1:0]           in_flags,
    output logic [ROWS-1:0][BITS-1:0]  out_count,
    output logic [FLAGS-1:0]           out_flags // in_flags, aligned with out_count
);

    if (ROWS < 1) begin : check_rows
        $error("constant_popcount: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("constant_popcount: LANES = %0d, must be at least 1", LANES);
    end

    // ---------------------------------------------------------------- the adders

    // Adders of a level with this many bits. The last two bits share one, whose third bit is 0.
    function automatic int adders(input int bits);
        return (bits == 2) ? 1 : bits / 3;
    endfunction

    // Bits that enter a level: the sums of the level before, then its bits that were left over.
    function automatic int entering(input int level_number);
        int bits;
        bits = LANES;
        for (int l = 0; l < level_number; l++) bits = (bits == 2) ? 1 : bits - 2 * adders(bits);
        return bits;
    endfunction

    // Adders of the levels before this one.
    function automatic int adders_before(input int level_number);
        int sum;
        sum = 0;
        for (int l = 0; l < level_number; l++) sum = sum + adders(entering(l));
        return sum;
    endfunction

    function automatic int level_count();
        int levels;
        levels = 0;
        while (entering(levels) > 1) levels = levels + 1;
        return levels;
    endfunction

    localparam int LEVELS  = level_count();
    localparam int CARRIES = adders_before(LEVELS);

    logic [LANES-1:0][ROWS-1:0] words[1];
    initial $readmemh(WEIGHTS, words);

    logic [CARRIES:0][ROWS-1:0]  counts;  // the last sum, then the carries
    logic [LEVELS:0][FLAGS-1:0]  flags;
    assign flags[0] = in_flags;
    for (genvar l = 0; l <= LEVELS; l++) begin : level
        localparam int COME  = entering(l);
        localparam int ADDED = adders(COME);
        logic [COME-1:0]           bits;
        logic [COME-1:0][ROWS-1:0] inverted;  // constants: in which rows a bit is inverted
        if (l == 0) begin : inputs
            logic only;  // keeps the array a memory for tools
            assign only     = 1'b0;
            assign bits     = in_data;
            assign inverted = ~words[only];
        end else begin : later
            assign bits     = level[l-1].add.sums;
            assign inverted = level[l-1].add.inverted_sums;
        end
        if (l < LEVELS) begin : add
            localparam int LEAVE = entering(l + 1);
            localparam int DELAY = LEVELS - 1 - l;  // until the last carries
            logic [LEAVE-1:0]           next, sums;
            logic [LEAVE-1:0][ROWS-1:0] inverted_sums;
            // The bits, delayed. The reset keeps tools from making shift registers.
            logic [DELAY:0][COME-1:0]   then;
            assign then[0] = bits;
            for (genvar t = 1; t <= DELAY; t++) begin : delay
                always_ff @(posedge clk)
                    if (!rst_n) then[t] <= '0;
                    else if (en) then[t] <= then[t-1];
            end
            for (genvar i = 0; i < ADDED; i++) begin : adder
                localparam int WIDTH = (COME == 2) ? 2 : 3;
                logic [2:0]           three;
                logic [2:0][ROWS-1:0] three_inverted;
                logic [7:0]           carries, held;
                assign three            = 3'(then[DELAY][3*i+:WIDTH]);
                assign three_inverted   = (3*ROWS)'(inverted[3*i+:WIDTH]);
                assign next[i]          = ^bits[3*i+:WIDTH];
                assign inverted_sums[i] = three_inverted[0] ^ three_inverted[1] ^ three_inverted[2];
                majorities majority (.in_bits(three), .results(carries));
                always_ff @(posedge clk) if (en) held <= carries;
                for (genvar r = 0; r < ROWS; r++) begin : row
                    assign counts[1+adders_before(l)+i][r] = held[
                        {three_inverted[2][r], three_inverted[1][r], three_inverted[0][r]}];
                end
            end
            if (LEAVE > ADDED) begin : left
                assign next[LEAVE-1:ADDED]          = bits[COME-1:3*ADDED];
                assign inverted_sums[LEAVE-1:ADDED] = inverted[COME-1:3*ADDED];
            end
            always_ff @(posedge clk) begin
                if (!rst_n) sums <= '0;
                else if (en) sums <= next;
                if (!rst_n) flags[l+1] <= '0;
                else if (en) flags[l+1] <= flags[l];
            end
        end
    end
    assign counts[0] = {ROWS{level[LEVELS].bits[0]}} ^ level[LEVELS].inverted[0];

    localparam logic [16*BITS-1:0] HEIGHTS = (16*BITS)'({16'(CARRIES), 16'd1});
    popcount #(
        .ROWS(ROWS), .N(1 + CARRIES), .BITS(BITS), .HEIGHTS(HEIGHTS),
        .FLAGS(FLAGS)
    ) count (
        .clk, .rst_n, .en, .in_bits(counts), .in_flags(flags[LEVELS]), .out_count, .out_flags
    );

endmodule
