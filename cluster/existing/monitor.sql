select nodeid, nodename, nodehost, nodeport, formationid || '/' || groupid from pgautofailover.node order by nodeid
