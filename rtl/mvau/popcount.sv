// Pipelined popcount of many bits in each of ROWS parallel rows.
//
// 7:3 counters compress columns of bits of equal weight until no column is higher than four; adders
// on carry chains sum the rest. A register after each level keeps the paths short. The counters of a
// column, for all rows, are one operation on bit vectors, which simulates fast.

module popcount #(
    parameter int ROWS  = 1,  // at least 1
    parameter int N     = 6,  // bits per row, at least 1
    parameter int BITS  = 3,  // width of a count, enough if all bits are 1
    parameter logic [16*BITS-1:0] HEIGHTS = 6,  // bits of weight 2**c: 16 bits for each c from 0 on;
                              // their sum is N
    parameter int FLAGS = 1   // flag bits, delayed with the data, at least 1
) (
    input  logic                             clk,
    input  logic                             rst_n,      // synchronous, active low; for flags
    input  logic                             en,         // pipeline enable
    input  logic [N-1:0][ROWS-1:0]           in_bits,    // bits of the lowest weight first
    input  logic [FLAGS-1:0]                 in_flags,
    output logic [ROWS-1:0][BITS-1:0]        out_count,
    output logic [FLAGS-1:0]                 out_flags   // in_flags, aligned with out_count
);

    if (ROWS < 1) begin : check_rows
        $error("popcount: ROWS = %0d, must be at least 1", ROWS);
    end
    if (N < 1 || start_of(HEIGHTS, BITS) != N) begin : check_n
        $error("popcount: N = %0d, must be the sum of HEIGHTS = %h, at least 1", N, HEIGHTS);
    end

    // ---------------------------------------------------------------- the shape of the tree

    typedef logic [BITS-1:0][15:0] heights_t;  // bits in each column

    // Counters in a column. Five bits are worth a counter; four are left to the adders.
    function automatic int counters(input int height);
        return (height < 5) ? 0 : (height + 2) / 7;
    endfunction

    // Bits of a column that no counter takes.
    function automatic int passed(input int height);
        return (7 * counters(height) < height) ? height - 7 * counters(height) : 0;
    endfunction

    // Heights of the columns that enter a level.
    function automatic heights_t heights(input int level);
        heights_t now, next;
        now = HEIGHTS;
        for (int l = 0; l < level; l++) begin
            next = '0;
            for (int c = 0; c < BITS; c++) begin
                next[c] = next[c] + 16'(passed(int'(now[c])));
                for (int o = 0; o < 3 && c + o < BITS; o++)
                    next[c+o] = next[c+o] + 16'(counters(int'(now[c])));
            end
            now = next;
        end
        return now;
    endfunction

    // Bits per row in the columns before `column`: its offset in a level's bits.
    function automatic int start_of(input heights_t columns, input int column);
        int sum;
        sum = 0;
        for (int c = 0; c < column; c++) sum = sum + int'(columns[c]);
        return sum;
    endfunction

    function automatic int highest(input heights_t columns);
        int most;
        most = 0;
        for (int c = 0; c < BITS; c++) if (int'(columns[c]) > most) most = int'(columns[c]);
        return most;
    endfunction

    function automatic int level_count();
        int level;
        level = 0;
        while (highest(heights(level)) > 4) level = level + 1;
        return level;
    endfunction

    localparam int LEVELS     = level_count();
    localparam heights_t LEFT = heights(LEVELS);
    localparam int NUMBERS    = (highest(LEFT) > 2) ? 4 : 2;  // left to add in each row
    localparam int LATENCY    = LEVELS + NUMBERS / 2;

    // ---------------------------------------------------------------- counters

    for (genvar l = 0; l <= LEVELS; l++) begin : level
        localparam heights_t COLUMNS = heights(l);
        logic [start_of(COLUMNS, BITS)*ROWS-1:0] bits;  // ROWS of each, lowest column first
        if (l == 0) begin : inputs
            assign bits = in_bits;
        end else begin : results
            assign bits = level[l-1].compress.result;
        end
        if (l < LEVELS) begin : compress
            localparam heights_t NEXT = heights(l + 1);
            logic [start_of(NEXT, BITS)*ROWS-1:0] result;
            for (genvar c = 0; c < BITS; c++) begin : column
                localparam int HEIGHT   = int'(COLUMNS[c]);
                localparam int FROM     = start_of(COLUMNS, c);
                localparam int COUNTERS = counters(HEIGHT);
                localparam int PASSED   = passed(HEIGHT);
                // A result column holds its own counters' ones, the bits passed on, the twos of the
                // column before it and the fours of the one before that.
                localparam int TO_ONES  = start_of(NEXT, c);
                if (COUNTERS > 0) begin : counted
                    localparam int ABOVE    = int'(COLUMNS[c+1]);
                    localparam int TWICE    = int'(COLUMNS[c+2]);
                    localparam int TO_TWOS  = start_of(NEXT, c + 1) + counters(ABOVE) + passed(ABOVE);
                    localparam int TO_FOURS = start_of(NEXT, c + 2) + counters(TWICE) + passed(TWICE)
                        + counters(ABOVE);
                    localparam int WIDTH    = COUNTERS * ROWS;
                    // A counter's seven bits are COUNTERS places apart. The last counter may have
                    // only five or six.
                    localparam int TAKEN    = HEIGHT - PASSED;
                    logic [6:0][WIDTH-1:0] taken;
                    logic [WIDTH-1:0]      ones, twos, fours;
                    assign taken = (7*WIDTH)'(bits[FROM*ROWS+:TAKEN*ROWS]);
                    counter_7_3 #(.WIDTH(WIDTH)) count (.in_bits(taken), .ones, .twos, .fours);
                    always_ff @(posedge clk) begin
                        if (en) begin
                            result[TO_ONES*ROWS+:WIDTH]  <= ones;
                            result[TO_TWOS*ROWS+:WIDTH]  <= twos;
                            result[TO_FOURS*ROWS+:WIDTH] <= fours;
                        end
                    end
                end
                if (PASSED > 0) begin : pass
                    // The reset keeps tools from making shift registers, which take LUTs.
                    always_ff @(posedge clk)
                        if (!rst_n) result[(TO_ONES+COUNTERS)*ROWS+:PASSED*ROWS] <= '0;
                        else if (en)
                            result[(TO_ONES+COUNTERS)*ROWS+:PASSED*ROWS] <=
                                bits[(FROM+HEIGHT-PASSED)*ROWS+:PASSED*ROWS];
                end
            end
        end
    end

    // ---------------------------------------------------------------- adders

    logic [LATENCY:0][FLAGS-1:0] flags;
    assign flags[0]  = in_flags;
    assign out_flags = flags[LATENCY];
    for (genvar t = 1; t <= LATENCY; t++) begin : flags_delay
        always_ff @(posedge clk) begin
            if (!rst_n) flags[t] <= '0;
            else if (en) flags[t] <= flags[t-1];
        end
    end

    for (genvar r = 0; r < ROWS; r++) begin : row
        logic [BITS-1:0] number[NUMBERS];  // the remaining columns, read across
        for (genvar c = 0; c < BITS; c++) begin : column
            for (genvar n = 0; n < NUMBERS; n++) begin : bit_of
                if (n < int'(LEFT[c])) begin : present
                    assign number[n][c] = level[LEVELS].bits[(start_of(LEFT, c)+n)*ROWS+r];
                end else begin : absent
                    assign number[n][c] = 1'b0;
                end
            end
        end

        logic [BITS-1:0] sum;
        if (NUMBERS == 2) begin : two
            assign sum = number[0] + number[1];
        end else begin : four
            logic [BITS-1:0] low, high;
            always_ff @(posedge clk) begin
                if (en) begin
                    low  <= number[0] + number[1];
                    high <= number[2] + number[3];
                end
            end
            assign sum = low + high;
        end

        always_ff @(posedge clk) if (en) out_count[r] <= sum;
    end

endmodule
