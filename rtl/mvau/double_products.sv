// Sums of the products of two inputs, each with the weights of two rows, in a DSP block for each
// input. A block multiplies an input by both of its weights at once, one of them 17 bits higher;
// its adder adds the products of both inputs.
//
// The lower sum may be negative, and would then be borrowed from the higher one. So 2**16 + 1 is
// added to it. (With an even number, Yosys would add outside the block.)

module double_products #(
    parameter int INPUTS  = 2,  // 1 or 2
    parameter int IN_BITS = 8,  // at least 1
    parameter int W_BITS  = 8,  // at least 1; with IN_BITS at most 16
    localparam int HIGH   = IN_BITS + W_BITS + 1
) (
    input  logic                               clk,
    input  logic                               rst_n,       // synchronous, active low
    input  logic                               en,
    input  logic [INPUTS-1:0][IN_BITS:0]       in_data,     // two's complement, of numbers that are
                                                            // signed or unsigned with IN_BITS bits
    input  logic [INPUTS-1:0][1:0][W_BITS-1:0] in_weights,  // the lower row's; the higher row's, and
                                                            // 1 less if the lower row's is negative
    output logic [HIGH-1:0]                    high,        // two's complement, two registers behind
    output logic [16:0]                        low          // and 65537 more
);

    if (INPUTS < 1 || INPUTS > 2) begin : check_inputs
        $error("double_products: INPUTS = %0d, must be 1 or 2", INPUTS);
    end
    if (IN_BITS < 1 || W_BITS < 1 || IN_BITS + W_BITS > 16) begin : check_bits
        $error("double_products: IN_BITS = %0d and W_BITS = %0d, must be 1 or more, and 16 together",
            IN_BITS, W_BITS);
    end

    localparam int FIELD   = 17;
    localparam int PRODUCT = IN_BITS + W_BITS + FIELD;
    logic signed [PRODUCT-1:0] product[INPUTS];
    for (genvar i = 0; i < INPUTS; i++) begin : block
        logic signed [FIELD+W_BITS-1:0] both;
        assign both = {in_weights[i][1], FIELD'(signed'(in_weights[i][0]))};
        assign product[i] = signed'(in_data[i]) * both;
    end

    logic signed [PRODUCT-1:0] first;
    logic signed [PRODUCT:0]   sum;
    always_ff @(posedge clk) if (en) first <= product[0] + PRODUCT'(65537);
    if (INPUTS == 2) begin : two
        logic signed [PRODUCT-1:0] second;
        logic unused;
        assign unused = rst_n;
        always_ff @(posedge clk) begin
            if (en) begin
                second <= product[1];
                sum    <= (PRODUCT+1)'(first) + (PRODUCT+1)'(second);
            end
        end
    end else begin : one
        // The reset keeps tools from making shift registers, which take LUTs.
        always_ff @(posedge clk)
            if (!rst_n) sum <= '0;
            else if (en) sum <= (PRODUCT+1)'(first);
    end
    assign high = sum[PRODUCT:FIELD];
    assign low  = sum[FIELD-1:0];

endmodule
