// Split counter: counts like one long counter, in pieces of 16 bits. A flip-flop of each piece says
// whether it is full, so that a piece need not wait for the carry of those below it.

module split_counter #(
    parameter int BITS = 64,                  // of the count, at least 1
    parameter logic [BITS-1:0] FIRST = '0     // the count after clear
) (
    input  logic            clk,
    input  logic            clear,
    input  logic            step,             // count; clear wins
    output logic [BITS-1:0] count
);

    if (BITS < 1) begin : check_bits
        $error("split_counter: BITS = %0d, must be at least 1", BITS);
    end

    localparam int PIECE = 16;
    localparam int PIECES = (BITS + PIECE - 1) / PIECE;

    logic [PIECES-1:0] full;

    for (genvar i = 0; i < PIECES; i++) begin : gen_piece
        localparam int LOW = i * PIECE;
        localparam int W = BITS - LOW < PIECE ? BITS - LOW : PIECE;
        localparam logic [W-1:0] START = FIRST[LOW +: W];

        logic [W-1:0] value;
        logic         carry;

        if (i == 0) begin : lowest
            assign carry = step;
        end else begin : higher
            assign carry = step && &full[i-1:0];
        end

        always_ff @(posedge clk) begin
            if (clear) begin
                value   <= START;
                full[i] <= &START;
            end else if (carry) begin
                value   <= value + 1'b1;
                full[i] <= value == ~W'(1);
            end
        end

        assign count[LOW +: W] = value;
    end

    logic unused;
    assign unused = full[PIECES-1];

endmodule
