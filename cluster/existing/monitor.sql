select nodeid, nodename, nodehost, nodeport from pgautofailover.node order by nodeid
