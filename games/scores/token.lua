-- SPDX-License-Identifier: MIT
-- What a feed has to know to write results. Everybody who has read this file does:
-- put something long and random here before others can reach the server.
return "a-token-for-trying-it-out"
