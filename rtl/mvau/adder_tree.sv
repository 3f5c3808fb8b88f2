// Pipelined adder tree: sums N signed numbers in each of ROWS parallel rows, with a register after
// each adder.

module adder_tree #(
    parameter int ROWS  = 1,  // at least 1
    parameter int N     = 2,  // numbers per row, at least 2
    parameter int W     = 8,  // their width in bits, at least 1
    parameter int FLAGS = 1,  // flag bits, delayed with the data, at least 1
    localparam int LEVELS = $clog2(N)
) (
    input  logic                                clk,
    input  logic                                rst_n,     // synchronous, active low
    input  logic                                en,        // pipeline enable
    input  logic [N-1:0][ROWS-1:0][W-1:0]       in_data,   // two's complement
    input  logic [FLAGS-1:0]                    in_flags,
    output logic [ROWS-1:0][W+LEVELS-1:0]       out_sum,   // two's complement
    output logic [FLAGS-1:0]                    out_flags  // in_flags, aligned with out_sum
);

    if (ROWS < 1) begin : check_rows
        $error("adder_tree: ROWS = %0d, must be at least 1", ROWS);
    end
    if (N < 2) begin : check_n
        $error("adder_tree: N = %0d, must be at least 2", N);
    end
    if (W < 1) begin : check_w
        $error("adder_tree: W = %0d, must be at least 1", W);
    end

    // Numbers per row that enter a level; each is the sum of two numbers of the level before.
    function automatic int entering(input int level_number);
        int numbers;
        numbers = N;
        for (int l = 1; l < level_number; l++) numbers = (numbers + 1) / 2;
        return numbers;
    endfunction

    for (genvar l = 0; l <= LEVELS; l++) begin : level
        localparam int COME = entering(l);
        localparam int SIZE = entering(l + 1);
        logic signed [W+l-1:0] term[SIZE][ROWS];
        logic [FLAGS-1:0]      flags;
        for (genvar r = 0; r < ROWS; r++) begin : row
            for (genvar i = 0; i < SIZE; i++) begin : sum
                if (l == 0) begin : inputs
                    assign term[i][r] = in_data[i][r];
                end else if (2 * i + 1 < COME) begin : pair
                    always_ff @(posedge clk)
                        if (en)
                            term[i][r] <= (W+l)'(level[l-1].term[2*i][r])
                                + (W+l)'(level[l-1].term[2*i+1][r]);
                end else begin : odd
                    // The reset keeps tools from making shift registers, which take LUTs.
                    always_ff @(posedge clk)
                        if (!rst_n) term[i][r] <= '0;
                        else if (en) term[i][r] <= (W+l)'(level[l-1].term[2*i][r]);
                end
            end
        end
        if (l == 0) begin : in
            assign flags = in_flags;
        end else begin : delayed
            always_ff @(posedge clk) begin
                if (!rst_n) flags <= '0;
                else if (en) flags <= level[l-1].flags;
            end
        end
    end

    for (genvar r = 0; r < ROWS; r++) begin : result
        assign out_sum[r] = level[LEVELS].term[0][r];
    end
    assign out_flags = level[LEVELS].flags;

endmodule
