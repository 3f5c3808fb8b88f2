// The registers keep an event until it is cleared, even if it happens again in the cycle in which
// it is cleared; a start waits for its lengths; both halves of the cycle counter are from the same
// moment.

module control_registers_proof (
    input logic        clk,
    input logic        rst_n,
    input logic        soft_rst_n,
    input logic        write_valid,
    input logic [9:0]  write_word,
    input logic [31:0] write_data,
    input logic [31:0] write_mask,
    input logic        read_valid,
    input logic [9:0]  read_word,
    input logic        lengths_ready,
    input logic        resetting,
    input logic        full,
    input logic [7:0]  queued,
    input logic        done,
    input logic [6:0]  errors_seen,
    input logic [31:0] frames_in,
    input logic [31:0] frames_out,
    input logic [31:0] latency,
    input logic [31:0] interval
);

    logic        flow_rst_n, write_ready, write_outside, read_outside, start, reset_request;
    logic        frames_changed, interrupt;
    logic [31:0] read_data, frames;
    logic [63:0] source, target;

    assign flow_rst_n = rst_n && soft_rst_n;

    control_registers dut (.*);

    // A reference model: the flags that should be set, and a register's previous value.
    logic        write, cleared;
    logic [31:0] ones;
    logic [6:0]  errors;
    logic        finished, raised;
    logic [1:0]  enable;
    logic [63:0] cycles, moment;
    logic [31:0] batches, number;
    logic        busy;   // in the previous cycle
    logic        fresh;  // the number of frames was written in the previous cycle

    assign write = write_valid && write_ready;
    assign ones = write_data & write_mask;
    assign cleared = !rst_n || (write && write_word == 10'h20 / 4 && ones[1]);

    always_ff @(posedge clk) begin
        for (int i = 0; i < 7; i++) begin
            if (cleared) errors[i] <= 1'b0;
            else if (errors_seen[i]) errors[i] <= 1'b1;
            else if (write && write_word == 10'h28 / 4 && ones[i]) errors[i] <= 1'b0;
        end
        if (cleared) finished <= 1'b0;
        else if (done) finished <= 1'b1;
        else if (write && write_word == 10'h30 / 4 && ones[0]) finished <= 1'b0;
        for (int i = 0; i < 2; i++) begin
            if (!rst_n) enable[i] <= 1'b0;
            else if (write && write_word == 10'h2c / 4 && write_mask[i]) enable[i] <= write_data[i];
        end
        raised <= rst_n && ((enable[0] && finished) || (enable[1] && |errors));
        if (!flow_rst_n) begin
            cycles  <= '0;
            moment  <= '0;
            batches <= '0;
            busy    <= 1'b0;
        end else begin
            busy <= queued != '0;
            if (busy) cycles <= cycles + 1'b1;
            if (read_valid && read_word == 10'h60 / 4) moment <= cycles;
            if (done) batches <= batches + 1'b1;
        end
        for (int i = 0; i < 32; i++) begin
            if (!rst_n) number[i] <= 1'b0;
            else if (write && write_word == 10'h50 / 4 && write_mask[i]) number[i] <= write_data[i];
        end
        fresh <= rst_n && write && write_word == 10'h50 / 4;
    end

    always_comb begin
        if (rst_n) begin
            assert (dut.errors == errors && dut.finished == finished && dut.enable == enable);
            assert (interrupt == raised);
            assert (dut.was_busy == busy);
            assert (dut.cycles == cycles && dut.batches == batches);
            for (int i = 0; i < 3; i++)
                assert (dut.cycle_counter.full[i] == &cycles[i*16 +: 16]);
            assert (dut.batch_counter.full[0] == &batches[15:0]);
            assert (dut.cycles_high == moment[63:32]);
            assert (frames == number && frames_changed == fresh);
            if (read_word == 10'h28 / 4) assert (read_data == 32'(errors));
            if (read_word == 10'h30 / 4) assert (read_data == 32'(finished));
            if (read_word == 10'h34 / 4) assert (read_data == batches);
            if (read_word == 10'h60 / 4) assert (read_data == cycles[31:0]);
            if (read_word == 10'h64 / 4) assert (read_data == moment[63:32]);
            // Each write to start starts a batch once, and only when its lengths are known.
            assert (start == (write && write_word == 10'h20 / 4 && ones[1:0] == 2'b01));
            assert (reset_request == (write && write_word == 10'h20 / 4 && ones[1]));
            if (start) assert (lengths_ready && !fresh);
            if (write_valid && !write_ready) assert (!lengths_ready || fresh);
            assert (write_outside == (write_word >= 10'h80 / 4));
            assert (read_outside == (read_word >= 10'h80 / 4));
        end
    end

endmodule
