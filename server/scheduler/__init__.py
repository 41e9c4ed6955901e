"""The scheduler: sends ready segments to idle workers, learns how attempts end, and moves runs through their states.

service   the process: who leads, the recorder beside it, signals
leader    one leader by advisory lock, fenced by an epoch in each transaction
loop      one look after the other: what to do when
sight     what Redis shows: workers, leases, and whether they can be believed
judge     what an attempt's signs mean (pure)
outcome   commits how an attempt ended
dispatch  which segment goes to which worker (pure)
sending   makes the attempt and sends it
stopping  ends runs that wait for attempts: quiet, deadlines, orders
control   publishes control documents, acknowledges where no attempt can
retention removes checkpoints nobody will read again
"""
